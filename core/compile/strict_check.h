// What `engine.strict` does round every step of a program: the bytes before and behind what it writes must stay, so
// must its operands, its results hold no NaN, and they are those of the reference on the same operands, up to the
// rounding of their types. Slow: everything is read back, and computed twice. Not thread-safe: the program's. The
// program outlives it. Private to core/compile.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "compile/program.h"
#include "compile/program_step.h"

namespace bp {

class StrictCheck {
 public:
  explicit StrictCheck(const Program& program) : program_(program) {}

  // Before and after step `at` of the program has been launched. Errors: kDevice where the step did what it must not,
  // naming its node and kernel; kFailed where its operands are to blame.
  Status before(size_t at);
  Status after(size_t at);

 private:
  using Step = Program::Step;
  struct Bytes {
    const std::byte* data = nullptr;  // of `own`, or of memory that the host sees
    size_t size = 0;
    std::vector<std::byte> own;
    std::span<const std::byte> span() const { return {data, size}; }
  };

  Status keep_operands(const Step& step);
  Status check_fences(const Step& step) const;
  Status check_operands(const Step& step);
  Status check_results(const Step& step);
  Status check_result(const Step& step, const Step::Operand& result, std::span<const std::byte> wanted) const;
  std::span<const std::byte> before_update(const Value& value) const;
  bool is_made_here(const Step& step, ValueId id) const;
  // Whether a result of the step lies where the operand does.
  bool is_written(const Step& step, const Step::Operand& operand) const;
  bool is_comparable(const Step& step) const;
  Result<Bytes> read(const BufferSpan& from, uint64_t n_bytes, bool copy) const;
  Result<Bytes> read(const Step::Operand& operand, bool copy) const;
  Status write(const BufferSpan& to, std::span<const std::byte> bytes) const;
  std::string kernel_text(const Step& step) const;
  std::string place(ValueId id, size_t at) const;
  std::string where(const Step& step) const;
  std::unexpected<Error> blame(const Step& step, const std::string& what) const;

  const Program& program_;
  std::map<ValueId, Bytes> operands_;  // of the step that runs, as they were before it
};

}  // namespace bp
