// tokenizer_bench MODEL FILE…: how fast one thread encodes each text file with MODEL's tokenizer (a GGUF or a folder).
// A line of JSON per file: {"file", "bytes", "n_tokens", "seconds": of processor time, the best of five}, which others
// on the machine do not lengthen. tokenizer_bench.py compares.
#include <fmt/format.h>

#include <time.h>

#include <algorithm>

#include "base/json.h"
#include "base/mapped_file.h"
#include "engine/text_model.h"

namespace {

constexpr size_t kMaxBytes = size_t{64} << 20;
constexpr int kRounds = 5;

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

bp::Status measure(const bp::Tokenizer& tokenizer, const std::string& path) {
  BP_TRY(const std::string text, bp::read_text_file(path, kMaxBytes));
  double best = 1e9;
  size_t n_tokens = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double start = processor_seconds();
    n_tokens = tokenizer.encode(text).size();
    best = std::min(best, processor_seconds() - start);
  }
  fmt::print("{}\n", bp::write_json(bp::json::object{
                         {"file", path}, {"bytes", text.size()}, {"n_tokens", n_tokens}, {"seconds", best}}));
  return {};
}

bp::Status run(int argc, char** argv) {
  if (argc < 3) return bp::fail(bp::ErrorCode::kUsage, "tokenizer_bench", "needs MODEL FILE…");
  BP_TRY(const bp::TextModel model, bp::load_text_model_from(argv[1]));
  for (int i = 2; i < argc; ++i) BP_TRY_VOID(measure(model.tokenizer, argv[i]));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const bp::Status status = run(argc, argv);
  if (!status) fmt::print(stderr, "{}\n", status.error().message());
  return status ? 0 : bp::exit_code(status.error().code);
}
