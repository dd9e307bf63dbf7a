#include "tokenizer/text_pattern.h"
#include "tokenizer/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>

namespace bp {
namespace {

// Of PCRE2's own counting: a plain pattern takes a few per character.
constexpr uint32_t kBaseLimit = 200'000;
constexpr size_t kLimitPerByte = 100;
constexpr size_t kJitStackStart = 32 * 1024;
constexpr size_t kJitStackMax = 1024 * 1024;

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatchData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct FreeStack {
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};

// What matching needs to write to: one per thread.
struct Workspace {
  std::unique_ptr<pcre2_match_data, FreeMatchData> data{pcre2_match_data_create(1, nullptr)};
  std::unique_ptr<pcre2_match_context, FreeContext> context{pcre2_match_context_create(nullptr)};
  std::unique_ptr<pcre2_jit_stack, FreeStack> stack{pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr)};

  Workspace() {
    if (context != nullptr && stack != nullptr) pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
};

std::unexpected<Error> unsupported(std::string_view regex, std::string what, std::string_view where) {
  return fail(ErrorCode::kUnsupported, std::string(where),
              fmt::format("the pattern \"{}\": {}", utf8::beginning(regex, 200), what),
              "use a GGUF of this model, or one of a supported family");
}

// Oniguruma's \w: what Unicode calls alphabetic, marks, decimal numbers, connectors, and the numbers of Latin-1.
constexpr std::string_view kWord =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\xb2\xb3\xb9\xbc-\xbe\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

// Rewrites what PCRE2 reads otherwise: \s and \w by Unicode's own definitions, \uXXXX.
class Translator {
 public:
  Translator(std::string_view regex, std::string_view where) : regex_(regex), where_(where) {}

  Result<std::string> run() {
    while (at_ < regex_.size()) {
      const char c = regex_[at_];
      if (c == '\\') {
        BP_TRY_VOID(escape());
      } else if (in_class_) {
        BP_TRY_VOID(inside_class(c));
      } else {
        if (c == '[') open_class();
        put(c);
      }
    }
    return std::move(out_);
  }

 private:
  void put(char c) {
    out_ += c;
    ++at_;
  }

  void open_class() {
    in_class_ = true;
    class_begin_ = at_ + 1;
    if (class_begin_ < regex_.size() && regex_[class_begin_] == '^') ++class_begin_;
  }

  Status inside_class(char c) {
    if (c == ']' && at_ != class_begin_) in_class_ = false;
    if (c == '[' && !regex_.substr(at_).starts_with("[:"))
      return unsupported(regex_, "a class within a class is not supported", where_);
    if (regex_.substr(at_).starts_with("&&"))
      return unsupported(regex_, "the intersection of classes (&&) is not supported", where_);
    if (regex_.substr(at_).starts_with("[:")) {
      const size_t end = regex_.find(":]", at_);
      if (end == std::string_view::npos) return unsupported(regex_, "is not closed", where_);
      while (at_ < end + 2) put(regex_[at_]);
      return {};
    }
    put(c);
    return {};
  }

  void replace(std::string_view in_class, std::string_view alone) {
    out_ += in_class_ ? in_class : alone;
    at_ += 2;
  }

  Status escape() {
    if (at_ + 1 >= regex_.size()) return unsupported(regex_, "ends in a backslash", where_);
    switch (regex_[at_ + 1]) {
      case 's':
        replace(R"(\s\x{85})", R"([\s\x{85}])");
        return {};
      case 'S':
        if (in_class_) break;
        replace("", R"([^\s\x{85}])");
        return {};
      case 'w':
        replace(kWord, fmt::format("[{}]", kWord));
        return {};
      case 'W':
        if (in_class_) return unsupported(regex_, "\\W in a class is not supported", where_);
        replace("", fmt::format("[^{}]", kWord));
        return {};
      case 'u': {
        const std::string_view digits = regex_.substr(at_ + 2, 4);
        if (digits.size() < 4) return unsupported(regex_, "\\u needs four digits", where_);
        out_ += fmt::format("\\x{{{}}}", digits);
        at_ += 6;
        return {};
      }
      case 'h':
      case 'H':
        return unsupported(regex_, "\\h is not supported", where_);
      default:
        break;
    }
    put('\\');
    put(regex_[at_]);
    return {};
  }

  std::string_view regex_;
  std::string_view where_;
  std::string out_;
  size_t at_ = 0;
  size_t class_begin_ = 0;
  bool in_class_ = false;
};

}  // namespace

struct TextPattern::Compiled {
  std::string literal;  // where there is no code
  std::unique_ptr<pcre2_code, FreeCode> code;
};

TextPattern::TextPattern(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
TextPattern::TextPattern(TextPattern&&) noexcept = default;
TextPattern& TextPattern::operator=(TextPattern&&) noexcept = default;
TextPattern::~TextPattern() = default;

TextPattern TextPattern::literal(std::string_view text) {
  auto compiled = std::make_unique<Compiled>();
  compiled->literal = text;
  return TextPattern(std::move(compiled));
}

Result<TextPattern> TextPattern::create(std::string_view regex, std::string_view where) {
  if (regex.size() > kMaxBytes) return unsupported(regex, fmt::format("is longer than {} bytes", kMaxBytes), where);
  BP_TRY(const std::string translated, Translator(regex, where).run());
  int code_error = 0;
  size_t offset = 0;
  constexpr uint32_t kOptions =
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
  auto compiled = std::make_unique<Compiled>();
  compiled->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(), kOptions,
                                     &code_error, &offset, nullptr));
  if (compiled->code == nullptr) {
    std::array<PCRE2_UCHAR, 256> text{};
    pcre2_get_error_message(code_error, text.data(), text.size());
    return unsupported(regex, reinterpret_cast<const char*>(text.data()), where);
  }
  // Where there is no just-in-time compiler the interpreter matches the same.
  pcre2_jit_compile(compiled->code.get(), PCRE2_JIT_COMPLETE);
  return TextPattern(std::move(compiled));
}

void TextPattern::find_all(std::string_view text, std::vector<TextRange>& out) const {
  if (compiled_->code == nullptr) {
    const std::string& wanted = compiled_->literal;
    if (wanted.empty()) return;
    for (size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + wanted.size()))
      out.push_back({at, at + wanted.size()});
    return;
  }
  thread_local const Workspace workspace;
  pcre2_match_context* context = workspace.context.get();
  if (workspace.data == nullptr || context == nullptr) return;
  const size_t budget = std::min<size_t>(kBaseLimit + text.size() * kLimitPerByte, 0x7FFFFFFF);
  pcre2_set_match_limit(context, static_cast<uint32_t>(budget));
  pcre2_set_depth_limit(context, static_cast<uint32_t>(budget));
  for (size_t at = 0; at < text.size();) {
    const int n = pcre2_match(compiled_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                              PCRE2_NOTEMPTY, workspace.data.get(), context);
    if (n < 0) return;
    const size_t* bounds = pcre2_get_ovector_pointer(workspace.data.get());
    if (bounds[1] <= bounds[0] || bounds[0] < at) return;  // \K and look-behind tricks
    out.push_back({bounds[0], bounds[1]});
    at = bounds[1];
  }
}

}  // namespace bp
