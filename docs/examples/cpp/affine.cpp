// f(x) = x * 2 + 1: op by op while you debug, compiled for any number of rows when you deploy.
#include <backplane/backplane.h>

#include <iostream>

int main() {
  const auto f = [](const bp::Tensor& x) { return x * 2 + 1; };

  // Dynamic: each op runs on the device when it is called.
  const bp::Session session;  // the best device there is
  const bp::Tensor x = session.tensor(std::vector<float>(3 * 10, 0.5f), {3, 10});
  const bp::Tensor y = f(x);
  std::cout << y << "\n";

  // Static: traced once, compiled for buckets of rows as they come up.
  const bp::Program program = bp::compile(f, {bp::TensorSpec{{bp::dyn, 10}, bp::f32}}, {.session = session});
  for (const int64_t rows : {1, 3, 100}) {
    const auto n = static_cast<size_t>(rows * 10);
    std::cout << program(session.tensor(std::vector<float>(n, 0.5f), {rows, 10})).type_text() << "\n";
  }
  std::cout << program.print() << program.explain();
  return program(x).to_bytes() == y.to_bytes() ? 0 : 1;
}
