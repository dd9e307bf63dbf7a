// What every call of the library throws. Part of <backplane/backplane.h>.
#pragma once

#include <stdexcept>
#include <string>

namespace bp::api {

enum class ErrorCode {
  kFailed,       // the work failed
  kUsage,        // a wrong argument: a shape, a dtype, a tensor of another device
  kConfig,       // wrong configuration
  kRefused,      // a file was refused: model, tokenizer, template, plugin
  kUnsupported,  // understood, but not something this build or device can do
  kDevice,       // the device failed or is missing
  kOutOfMemory,  // the device or the host has too little memory
  kInterrupted,
};

// what() reads "where: what (values); what to do", on one line.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string where, std::string problem, std::string fix = {});

  ErrorCode code() const noexcept { return code_; }
  const std::string& where() const noexcept { return where_; }
  const std::string& problem() const noexcept { return problem_; }
  const std::string& fix() const noexcept { return fix_; }  // may be empty

 private:
  ErrorCode code_;
  std::string where_, problem_, fix_;
};

}  // namespace bp::api
