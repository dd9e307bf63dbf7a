// gelu(x w^T + b): three ops when called, one kernel when compiled for the CPU, and the same bits.
#include <backplane/backplane.h>

#include <iostream>

int main() {
  const bp::Session session({.device = "cpu:0"});
  std::vector<float> numbers(64 * 32);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i % 17) / 16.0f - 0.5f;

  // What a function captures is constant. A weight may be packed once, as the device's kernels like it.
  const bp::Tensor w = session.weight(numbers, {64, 32}, "w");
  const bp::Tensor b = session.weight(std::vector<float>(64, 0.25f), {64}, "b");
  const auto layer = [&](const bp::Tensor& x) {
    const bp::Scope scope("mlp");  // shows in print(), explain() and errors
    return bp::gelu(bp::matmul(x, w) + b);
  };

  const bp::Program program = bp::compile(layer, {{{bp::dyn("rows", 256), 32}}}, {.session = session});
  const bp::Tensor x = session.tensor(std::vector<float>(numbers.begin(), numbers.begin() + 5 * 32), {5, 32});
  const bool same = program(x).to_bytes() == layer(x).to_bytes();
  for (const bp::Program::Step& step : program.steps()) std::cout << step.op << " -> " << step.kernel << "\n";
  const bool fused = program.steps().size() == 1 && program.steps().front().kernel == "cpu.matmul_bias_gelu";
  return same && fused ? 0 : 1;
}
