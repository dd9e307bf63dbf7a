#include "tokenizer/decoder.h"

#include <algorithm>
#include <utility>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/utf8.h"

namespace bp {
namespace {

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  size_t begin = 0;
  for (size_t at = text.find(from); !from.empty() && at != std::string_view::npos; at = text.find(from, begin)) {
    out += text.substr(begin, at - begin);
    out += to;
    begin = at + from.size();
  }
  out += text.substr(begin);
  return out;
}

bool is_utf8(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const utf8::Step step = utf8::next(bytes, at);
    if (step.form != utf8::Form::kValid) return false;
    at += step.n_bytes;
  }
  return true;
}

std::string without_spaces(std::string text) {
  static constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) {
    if (text.find(from) != std::string::npos) text = replaced(text, from, to);
  }
  return text;
}

}  // namespace

Decoder::State Decoder::continuing() {
  State state;
  state.first = false;
  state.started = true;
  return state;
}

void Decoder::push(const TokenTable& tokens, TokenId id, State& state, std::string& out) const {
  if (!joins_bytes) return push_text(tokens, id, state, out);
  state.first = false;
  state.bytes += tokens.piece_bytes(id);
  std::string text;
  state.bytes.erase(0, utf8::append_replacing(text, state.bytes, true));
  emit(text, state, out);
}

void Decoder::push_text(const TokenTable& tokens, TokenId id, State& state, std::string& out) const {
  std::string text(tokens.key_bytes(id));
  const bool first = std::exchange(state.first, false);
  if (std::exchange(state.space_due, false)) emit(" ", state, out);
  if (space_between && !first) emit(" ", state, out);
  for (const Step& step : steps_) text = step(text, first);
  if (alphabet) {
    if (const auto bytes = bytes_of_alphabet(text)) text = *bytes;
    state.bytes += text;
    std::string complete;
    state.bytes.erase(0, utf8::append_replacing(complete, state.bytes, true));
    return emit(complete, state, out);
  }
  const int byte = byte_fallback ? byte_of_token(text) : -1;
  if (byte >= 0) {
    state.bytes += static_cast<char>(byte);
    return;
  }
  end_bytes(state, out);
  if (word_suffix && text.find(*word_suffix) != std::string::npos) {
    state.space_due = text.ends_with(*word_suffix);
    if (state.space_due) text.resize(text.size() - word_suffix->size());
    text = replaced(text, *word_suffix, " ");
  }
  emit(text, state, out);
}

// Byte tokens in a row are text together, or each is a replacement character.
void Decoder::end_bytes(State& state, std::string& out) const {
  if (state.bytes.empty()) return;
  std::string text;
  if (is_utf8(state.bytes)) {
    text = std::move(state.bytes);
  } else {
    for (size_t i = 0; i < state.bytes.size(); ++i) utf8::append(text, utf8::kReplacement);
  }
  state.bytes.clear();
  emit(text, state, out);
}

void Decoder::emit(std::string_view text, State& state, std::string& out) const {
  while (!state.started && state.n_stripped < strip_start.count && text.starts_with(strip_start.content)) {
    text.remove_prefix(strip_start.content.size());
    ++state.n_stripped;
  }
  if (text.empty()) return;
  state.started = true;
  if (strip_end.count == 0) {
    out += text;
    return;
  }
  // What is held is `content` again and again; where that is one character, more of it needs no second look.
  if (strip_end.content.size() == 1 && text.find_first_not_of(strip_end.content) == std::string_view::npos) {
    const size_t surplus = state.held.size() + text.size() - std::min(state.held.size() + text.size(), strip_end.count);
    state.held += text;
    out.append(surplus, strip_end.content[0]);
    state.held.resize(state.held.size() - surplus);
    return;
  }
  state.held += text;
  size_t keep = state.held.size();
  for (size_t i = 0; i < strip_end.count && std::string_view(state.held).substr(0, keep).ends_with(strip_end.content);
       ++i) {
    keep -= strip_end.content.size();
  }
  out += std::string_view(state.held).substr(0, keep);
  state.held.erase(0, keep);
}

void Decoder::flush(State& state, std::string& out) const {
  if (joins_bytes || alphabet) {
    std::string text;
    utf8::append_replacing(text, state.bytes, false);
    state.bytes.clear();
    emit(text, state, out);
  } else {
    end_bytes(state, out);
  }
  state.held.clear();
  state.space_due = false;
}

Decoder::Step decode_replace(std::string from, std::string to) {
  return [from = std::move(from), to = std::move(to)](std::string_view text, bool) { return replaced(text, from, to); };
}

Decoder::Step decode_strip(std::string content, size_t start, size_t stop) {
  return [content = std::move(content), start, stop](std::string_view text, bool) {
    for (size_t i = 0; i < start && text.starts_with(content); ++i) text.remove_prefix(content.size());
    for (size_t i = 0; i < stop && text.ends_with(content); ++i) text.remove_suffix(content.size());
    return std::string(text);
  };
}

Decoder::Step decode_word_piece(std::string begin_prefix, std::string continue_prefix, bool cleanup) {
  return [begin_prefix = std::move(begin_prefix), continue_prefix = std::move(continue_prefix), cleanup](
             std::string_view text, bool first) {
    bool begins = true;
    if (!begin_prefix.empty()) {
      begins = text.starts_with(begin_prefix);
      if (begins) text.remove_prefix(begin_prefix.size());
    } else if (!first && text.starts_with(continue_prefix)) {
      begins = false;
      text.remove_prefix(continue_prefix.size());
    }
    std::string out = begins && !first ? " " + std::string(text) : std::string(text);
    return cleanup ? without_spaces(std::move(out)) : out;
  };
}

Decoder::Step decode_metaspace(std::string mark, bool prepended) {
  return [mark = std::move(mark), prepended](std::string_view text, bool first) {
    return replaced(text, mark, first && prepended ? "" : " ");
  };
}

}  // namespace bp
