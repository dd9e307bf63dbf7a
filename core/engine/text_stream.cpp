#include "engine/text_stream.h"

#include <algorithm>
#include <utility>

namespace bp {

TextStream::TextStream(const Tokenizer& tokenizer, std::vector<std::string> stops, bool continues)
    : detokenizer_(tokenizer, true, continues), stops_(std::move(stops)) {
  std::erase(stops_, "");
}

std::string TextStream::push(TokenId token) { return stopped_ ? std::string() : release(detokenizer_.push(token)); }

std::string TextStream::finish() {
  if (stopped_) return {};
  std::string text = release(detokenizer_.flush());
  return stopped_ ? text : text + std::exchange(held_, {});
}

std::string TextStream::release(std::string text) {
  held_ += text;
  size_t end = std::string::npos;
  for (const std::string& stop : stops_) end = std::min(end, held_.find(stop));
  if (end != std::string::npos) {
    stopped_ = true;
    return held_.substr(0, end);
  }
  // The longest tail that a stop string begins with stays.
  size_t keep = 0;
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(held_.size(), stop.size() - 1); n > keep; --n) {
      if (held_.ends_with(std::string_view(stop).substr(0, n))) {
        keep = n;
        break;
      }
    }
  }
  std::string certain = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return certain;
}

}  // namespace bp
