// A whole model: loaded, and its text written as it comes.
#include <backplane/backplane.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  bp::Engine engine(argv[1]);  // a GGUF file or a Hugging Face folder, on the best device
  const bp::Generation answer = engine.generate(argc > 2 ? argv[2] : "Once upon a time", {.max_tokens = 32},
                                                [](std::string_view text) { std::cout << text << std::flush; });
  std::cout << "\n" << answer.n_tokens << " tokens on " << engine.device() << "\n";
  return answer.n_tokens > 0 ? 0 : 1;
}
