// Looking at numbers: print a tensor, hold a device against the reference op by op, stop at the first NaN.
#include <backplane/backplane.h>

#include <iostream>

namespace {

bp::Tensor attention_scores(const bp::Tensor& x) {
  const bp::Scope scope("attn");
  return bp::softmax(bp::exp(x) * 3);
}

bp::Tensor careless(const bp::Tensor& x) {
  const bp::Scope scope("norm");
  return x / 2 + bp::log(x);  // of numbers below 0
}

// The message of the Error that the function throws; empty: none.
template <class F>
std::string error_of(F function) {
  try {
    function();
  } catch (const bp::Error& error) {
    return error.what();
  }
  return "";
}

bool mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

int main() {
  std::vector<float> numbers(4 * 64);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i) / 64.0f - 2.0f;

  // Print: shape, device, range, and the content as numpy shows it.
  const bp::Session session({.device = "cpu:0"});
  std::cout << session.tensor(numbers, {4, 64}).text({.threshold = 100}) << "\n\n";

  // Compare: each op also runs on the reference, with the same operands. Nothing differs by more than the usual
  // rounding; of no tolerance at all, the error names the first op, scope, index and both values.
  const auto compare = [&](const bp::Tolerance& tolerance) {
    const bp::Session checked({.device = "cpu:0"}, {.compare_with = "reference", .tolerance = tolerance});
    attention_scores(checked.tensor(numbers, {4, 64}));
  };
  const std::string usual = error_of([&] { compare({}); });
  const std::string exact = error_of([&] { compare({.absolute = 0, .relative = 0}); });
  std::cout << exact << "\n\n";

  // Trap: the op that makes the first NaN or infinity. A compiled program is replayed node by node for that.
  const bp::Session trapping({.device = "cpu:0"}, {.trap_nan = true});
  const std::string eager = error_of([&] { careless(trapping.tensor(numbers, {4, 64})); });
  const bp::Program program = bp::compile(careless, {{{bp::dyn, 64}}}, {.session = session});
  const std::string replayed = error_of([&] { program.replay(trapping, {session.tensor(numbers, {4, 64})}); });
  std::cout << eager << "\n";

  const bool ok = usual.empty() && mentions(exact, "attn") && mentions(eager, "norm log") && replayed == eager;
  return ok ? 0 : 1;
}
