// No two files of core/ define a class, struct or enum of one name in one namespace: they are linked together, and the
// linker would take either's functions for both without a word. What is in an anonymous namespace is a file's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The tokens of a source without comments, preprocessor lines and the contents of literals: words, "::", and single
// characters.
class Tokens {
 public:
  explicit Tokens(std::string text) : text_(std::move(text)) {
    while (at_ < text_.size()) step();
  }

  std::vector<std::string> list;

 private:
  bool here(std::string_view wanted) const { return std::string_view(text_).substr(at_).starts_with(wanted); }
  void skip_to(std::string_view end) { at_ = std::min(text_.find(end, at_), text_.size() - end.size()) + end.size(); }

  void step() {
    const char c = text_[at_];
    if (here("//") || (c == '#' && (list_line_ != line_begin()))) {
      skip_line();
    } else if (here("/*")) {
      skip_to("*/");
    } else if (here("R\"")) {
      const size_t open = std::min(text_.find('(', at_), text_.size() - 1);
      const std::string end = ")" + text_.substr(at_ + 2, open - at_ - 2) + "\"";
      skip_to(end);
    } else if (c == '"' || c == '\'') {
      skip_literal(c);
    } else if (is_word(c)) {
      // A digit separator is within the number.
      size_t end = at_;
      const bool number = std::isdigit(static_cast<unsigned char>(c)) != 0;
      while (end < text_.size() && (is_word(text_[end]) || (number && text_[end] == '\''))) ++end;
      put(text_.substr(at_, end - at_));
    } else if (here("::")) {
      put("::");
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at_;
    } else {
      put(std::string(1, c));
    }
  }

  void put(std::string token) {
    list_line_ = line_begin();
    at_ += token.size();
    list.push_back(std::move(token));
  }

  size_t line_begin() const { return at_ == 0 ? 0 : text_.rfind('\n', at_ - 1) + 1; }

  void skip_line() {
    do {
      at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
    } while (at_ >= 2 && at_ < text_.size() && text_[at_ - 2] == '\\');
  }

  void skip_literal(char quote) {
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) at_ += text_[at_] == '\\' ? 1 : 0;
    ++at_;
    list.emplace_back(1, quote);
  }

  std::string text_;
  size_t at_ = 0;
  size_t list_line_ = std::string::npos;  // where the line of the last token begins
};

// The full names of what a source defines at namespace scope, except in anonymous namespaces.
class Definitions {
 public:
  explicit Definitions(const std::vector<std::string>& tokens) : tokens_(tokens) {
    for (size_t i = 0; i < tokens_.size(); ++i) step(i);
  }

  std::set<std::string> names;

 private:
  const std::string& at(size_t i) const {
    static const std::string kEnd;
    return i < tokens_.size() ? tokens_[i] : kEnd;
  }

  void step(size_t& i) {
    const bool in_namespace = scopes_.empty() || scopes_.back() != kOther;
    if (at(i) == "{") {
      scopes_.emplace_back(kOther);
    } else if (at(i) == "}") {
      if (!scopes_.empty()) scopes_.pop_back();
    } else if (in_namespace && at(i) == "extern" && at(i + 1) == "\"" && at(i + 2) == "{") {
      scopes_.emplace_back();
      i += 2;
    } else if (in_namespace && at(i) == "namespace") {
      open_namespace(i);
    } else if (in_namespace && (at(i) == "class" || at(i) == "struct" || at(i) == "union" || at(i) == "enum")) {
      add_definition(i);
    }
  }

  // Leaves i at the brace; an alias opens nothing.
  void open_namespace(size_t& i) {
    std::string name;
    size_t end = i + 1;
    for (; end < tokens_.size() && (at(end) == "::" || is_word(at(end)[0])); ++end) name += at(end);
    if (at(end) != "{") return;
    scopes_.push_back(name.empty() ? kAnonymous : name);
    i = end;
  }

  // enum class [[…]] alignas(…) A::B<…> final : …
  void add_definition(size_t i) {
    for (++i; at(i) == "class" || at(i) == "struct"; ++i) {
    }
    while (at(i) == "[" || at(i) == "alignas") skip_bracketed(i);
    std::string name;
    for (; i < tokens_.size() && (at(i) == "::" || is_word(at(i)[0])) && at(i) != "final"; ++i) {
      if (!name.empty() && at(i) != "::" && !name.ends_with("::")) return;  // a type and a name: no definition
      name += at(i);
    }
    if (at(i) == "<") {
      const size_t begin = i;
      skip_bracketed(i);
      for (size_t j = begin; j < i; ++j) name += at(j);
    }
    if (at(i) == "final") ++i;
    if (name.empty() || (at(i) != "{" && at(i) != ":")) return;
    std::string full;
    for (const std::string& scope : scopes_) {
      if (scope == kAnonymous) return;
      if (!scope.empty()) full += scope + "::";
    }
    names.insert(full + name);
  }

  // Behind what closes the bracket at or behind i.
  void skip_bracketed(size_t& i) {
    if (at(i) == "alignas") ++i;
    int depth = 0;
    do {
      const std::string& token = at(i++);
      depth += token == "[" || token == "(" || token == "<" ? 1 : token == "]" || token == ")" || token == ">" ? -1 : 0;
    } while (depth > 0 && i < tokens_.size());
  }

  static constexpr const char* kOther = "{";
  static constexpr const char* kAnonymous = "(anonymous)";
  const std::vector<std::string>& tokens_;
  std::vector<std::string> scopes_;  // namespaces by name, kOther for all else
};

std::set<std::string> defined_in(const std::string& source) { return Definitions(Tokens(source).list).names; }

// "name: file, file" for each name that several files below `folder` define.
std::vector<std::string> defined_twice(const fs::path& folder) {
  std::map<std::string, std::set<std::string>> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".hpp" && extension != ".cpp") continue;
    std::ifstream in(entry.path());
    std::ostringstream text;
    text << in.rdbuf();
    for (const std::string& name : defined_in(text.str())) files[name].insert(fs::relative(entry.path(), folder));
  }
  std::vector<std::string> twice;
  for (const auto& [name, where] : files) {
    if (where.size() < 2) continue;
    std::string line = name + ":";
    for (const std::string& file : where) line += " " + file;
    twice.push_back(line);
  }
  return twice;
}

TEST(OneDefinition, NoNameIsDefinedInTwoFilesOfOneNamespace) {
  EXPECT_THAT(defined_twice(fs::path(BP_SOURCE_DIR) / "core"), testing::IsEmpty())
      << "put one of them in an anonymous namespace or name it apart";
}

TEST(OneDefinition, TheSourcesAreReadToTheirEnds) {
  const auto names_of = [](const char* file) {
    std::ifstream in(fs::path(BP_SOURCE_DIR) / file);
    return defined_in({std::istreambuf_iterator<char>(in), {}});
  };
  EXPECT_THAT(names_of("core/tokenizer/vocabulary.h"),
              testing::UnorderedElementsAre("bp::TokenType", "bp::AddedToken", "bp::Vocabulary"));
  EXPECT_THAT(names_of("core/tokenizer/tokenizer.cpp"),
              testing::UnorderedElementsAre("bp::Tokenizer::Parts", "bp::Tokenizer::Run"));
}

TEST(OneDefinition, DefinitionsAreToldFromEverythingElse) {
  EXPECT_THAT(
      defined_in(R"cpp(
#include <map>  // struct NotThis {
        struct Global {
          struct Inner {};
        };
        namespace bp {
        class Forward; /* class Comment { */
        template <class T, typename U = class V>
        struct Template : Base<T>, Other {
          enum Hidden { kA };
        };
        template <>
        struct Template<int> {};
        enum class Kind : unsigned char { kOne };
        class [[nodiscard]] Marked final : public X {};
        struct alignas(16) Wide {};
        struct Outer::Nested {};
        struct Forward make(struct Other* other) {
          struct Local {};
          return {};
        }
        const char *text = "struct Quoted {", *raw = R"(struct Raw { ")";
        const int n = 1'000'000;
        char c = '{';
        namespace {
        struct Own {};
        namespace deep {
        struct OwnToo {};
        }
        }
        namespace inner::deeper {
        struct Deep {};
        }
        namespace alias = inner;
        extern "C" {
        struct InC {
          int x;
        };
        }
        }  // namespace bp
#define MACRO      \
          struct InMacro { \
            struct AlsoInMacro {
        struct AtTheEnd {};
      )cpp"),
      testing::UnorderedElementsAre("Global", "bp::Template", "bp::Template<int>", "bp::Kind", "bp::Marked", "bp::Wide",
                                    "bp::Outer::Nested", "bp::inner::deeper::Deep", "bp::InC", "AtTheEnd"));
}

TEST(OneDefinition, ASecondFileIsFound) {
  const fs::path root = fs::path(testing::TempDir()) / "one_definition";
  fs::remove_all(root);
  fs::create_directories(root / "graph");
  std::ofstream(root / "graph/a.h") << "namespace bp { class Pattern {}; class Used; }";
  std::ofstream(root / "b.cpp") << "namespace bp { class Pattern {}; class Used {}; namespace { class Used {}; } }";
  EXPECT_THAT(defined_twice(root), testing::ElementsAre("bp::Pattern: b.cpp graph/a.h"));
  fs::remove_all(root);
}

}  // namespace
