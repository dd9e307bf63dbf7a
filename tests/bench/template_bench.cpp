// Times chat templates: a conversation of 100 messages, parsed once and rendered many times.
//   template_bench FILE.jinja|FOLDER … [--repeats N]
// One line a template, slowest last: milliseconds of this thread's CPU for the best and the median rendering, the
// time to parse, and the size of the text. A template that refuses the conversation is tried without what it refuses.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "template/chat.h"

namespace bp {
namespace {

constexpr int kMessages = 100;
constexpr size_t kMaxTemplateBytes = size_t{1} << 20;

double cpu_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

std::string words(int seed, int n) {
  static constexpr const char* kWords[] = {"the ",    "weather ", "in ",   "Zürich ", "is ",  "sunny,\n", "21 °C ",
                                           "and <b>", "maybe ",   "it's ", "東京 ",   "not ", "\"so\" ",  "warm. "};
  std::string out;
  for (int i = 0; i < n; ++i) out += kWords[static_cast<size_t>(seed * 7 + i * 5 + i * i) % std::size(kWords)];
  return out;
}

// Turns of a user and an assistant; with tools every other answer is a call and its result.
json::object conversation(bool with_system, bool with_tools) {
  json::array messages;
  if (with_system) messages.push_back({{"role", "system"}, {"content", words(1, 30)}});
  for (int i = 0; std::ssize(messages) < kMessages; ++i) {
    messages.push_back({{"role", "user"}, {"content", words(i, 25)}});
    if (with_tools && i % 2 == 1 && messages.size() + 3 <= kMessages) {
      const std::string id = fmt::format("call{:05}", i);
      messages.push_back(
          {{"role", "assistant"},
           {"content", ""},
           {"tool_calls",
            json::array{{{"id", id},
                         {"type", "function"},
                         {"function", {{"name", "get_weather"}, {"arguments", {{"city", "Zürich"}, {"days", i}}}}}}}}});
      messages.push_back({{"role", "tool"},
                          {"tool_call_id", id},
                          {"name", "get_weather"},
                          {"content", "{\"t\": 21, \"sky\": \"clear\"}"}});
    }
    messages.push_back({{"role", "assistant"}, {"content", words(i + 3, 40)}});
  }
  while (messages.size() > kMessages) messages.pop_back();
  json::object variables{{"messages", messages},
                         {"add_generation_prompt", true},
                         {"bos_token", "<s>"},
                         {"eos_token", "</s>"},
                         {"enable_thinking", false}};
  if (with_tools) {
    variables["tools"] =
        json::array{{{"type", "function"},
                     {"function",
                      {{"name", "get_weather"},
                       {"description", "Weather now"},
                       {"parameters", {{"type", "object"}, {"properties", {{"city", {{"type", "string"}}}}}}}}}}};
  }
  return variables;
}

struct Row {
  std::string name, with;
  double best_ms, median_ms, parse_ms;
  size_t bytes;
};

std::optional<Row> time_template(const std::string& path, int repeats) {
  const std::string name = std::filesystem::path(path).filename().string();
  auto source = read_text_file(path, kMaxTemplateBytes);
  if (!source) return fmt::print("{}: {}\n", name, source.error().message()), std::nullopt;
  const double begin = cpu_ms();
  const auto chat = ChatTemplate::parse(*std::move(source), name);
  const double parse_ms = cpu_ms() - begin;
  if (!chat) return fmt::print("{}: {}\n", name, chat.error().message()), std::nullopt;
  std::string refusal;
  for (const auto& [system, tools] : {std::pair{true, true}, {false, true}, {true, false}, {false, false}}) {
    const json::object variables = conversation(system, tools);
    const ChatTemplate::Inputs inputs{variables, "2026-11-23T12:00:00"};
    const auto text = chat->render(inputs);
    if (!text) {
      refusal = text.error().message();
      continue;
    }
    std::vector<double> times;
    for (int i = 0; i < repeats; ++i) {
      const double start = cpu_ms();
      if (!chat->render(inputs)) break;
      times.push_back(cpu_ms() - start);
    }
    std::ranges::sort(times);
    return Row{name,          fmt::format("{}{}", system ? "system " : "", tools ? "tools" : ""),
               times.front(), times[times.size() / 2],
               parse_ms,      text->size()};
  }
  fmt::print("{}: refuses every conversation ({})\n", name, refusal);
  return std::nullopt;
}

int run(int argc, char** argv) {
  std::vector<std::string> files;
  int repeats = 50;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--repeats") == 0 && i + 1 < argc) {
      repeats = std::max(1, std::atoi(argv[++i]));
    } else if (std::filesystem::is_directory(argv[i])) {
      for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
        if (entry.path().extension() == ".jinja") files.push_back(entry.path().string());
      }
    } else {
      files.emplace_back(argv[i]);
    }
  }
  if (files.empty()) return fmt::print("usage: template_bench FILE.jinja|FOLDER … [--repeats N]\n"), 2;
  std::vector<Row> rows;
  for (const std::string& file : files) {
    if (auto row = time_template(file, repeats)) rows.push_back(*std::move(row));
  }
  std::ranges::sort(rows, {}, &Row::median_ms);
  fmt::print("{:<48} {:>8} {:>8} {:>8} {:>8}  {}\n", "template", "best ms", "median", "parse", "bytes", "with");
  for (const Row& row : rows) {
    fmt::print("{:<48} {:>8.3f} {:>8.3f} {:>8.3f} {:>8}  {}\n", row.name, row.best_ms, row.median_ms, row.parse_ms,
               row.bytes, row.with);
  }
  return 0;
}

}  // namespace
}  // namespace bp

int main(int argc, char** argv) { return bp::run(argc, argv); }
