#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "tokenizer/unicode.h"

namespace bp {
namespace {

uint64_t edge_key(uint32_t from, unsigned char byte) { return uint64_t{from} << 8 | byte; }

size_t slot_of(uint64_t key, size_t n_slots) { return (key * 0x9E3779B97F4A7C15ull >> 20) & (n_slots - 1); }

bool word_before(std::string_view text, size_t at) {
  return at > 0 && unicode::is_word(unicode::char_at(text, unicode::last_char_begin(text, at)));
}

bool word_after(std::string_view text, size_t at) {
  return at < text.size() && unicode::is_word(unicode::char_at(text, at));
}

size_t space_begin(std::string_view text, size_t end) {
  while (end > 0) {
    const size_t begin = unicode::last_char_begin(text, end);
    if (!unicode::char_at(text, begin).is(unicode::kSpace)) break;
    end = begin;
  }
  return end;
}

size_t space_end(std::string_view text, size_t at) {
  while (at < text.size()) {
    const unicode::Char c = unicode::char_at(text, at);
    if (!c.is(unicode::kSpace)) break;
    at += c.n_bytes;
  }
  return at;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& t) { return t.text.empty(); });
  if (tokens_.empty()) return;
  edges_.resize(64);
  fail_.push_back(0);
  terminal_.push_back(kNone);
  parents_.emplace_back(0, 0);
  for (uint32_t i = 0; i < tokens_.size(); ++i) insert(i);
  link();
  parents_ = {};
}

const AddedTokenMatcher::Node* AddedTokenMatcher::find_edge(Node from, unsigned char byte) const {
  const uint64_t key = edge_key(from, byte);
  for (size_t slot = slot_of(key, edges_.size());; slot = (slot + 1) & (edges_.size() - 1)) {
    if (edges_[slot].key == key) return &edges_[slot].to;
    if (edges_[slot].key == ~uint64_t{0}) return nullptr;
  }
}

void AddedTokenMatcher::grow_edges() {
  std::vector<Edge> old(edges_.size() * 2);
  old.swap(edges_);
  n_edges_ = 0;
  for (const Edge& edge : old) {
    if (edge.key != ~uint64_t{0}) add_edge(static_cast<Node>(edge.key >> 8), edge.key & 0xFF, edge.to);
  }
}

void AddedTokenMatcher::add_edge(Node from, unsigned char byte, Node to) {
  if (2 * (n_edges_ + 1) > edges_.size()) grow_edges();
  const uint64_t key = edge_key(from, byte);
  size_t slot = slot_of(key, edges_.size());
  while (edges_[slot].key != ~uint64_t{0}) slot = (slot + 1) & (edges_.size() - 1);
  edges_[slot] = {key, to};
  ++n_edges_;
}

void AddedTokenMatcher::insert(uint32_t token) {
  Node node = 0;
  const std::string& text = tokens_[token].text;
  for (auto it = text.rbegin(); it != text.rend(); ++it) {
    const auto byte = static_cast<unsigned char>(*it);
    const Node* next = node == 0 ? (root_[byte] != 0 ? &root_[byte] : nullptr) : find_edge(node, byte);
    if (next != nullptr) {
      node = *next;
      continue;
    }
    const auto fresh = static_cast<Node>(fail_.size());
    fail_.push_back(0);
    terminal_.push_back(kNone);
    parents_.emplace_back(node, byte);
    if (node == 0) {
      root_[byte] = fresh;
    } else {
      add_edge(node, byte, fresh);
    }
    node = fresh;
  }
  if (terminal_[node] == kNone) terminal_[node] = token;
}

// Breadth first: a node's failure link needs those of all shorter nodes.
void AddedTokenMatcher::link() {
  std::vector<uint32_t> depth(fail_.size(), 0);
  std::vector<Node> order(fail_.size());
  for (Node node = 1; node < fail_.size(); ++node) depth[node] = depth[parents_[node].first] + 1;
  for (Node node = 0; node < order.size(); ++node) order[node] = node;
  std::ranges::stable_sort(order, {}, [&](Node node) { return depth[node]; });
  for (const Node node : order) {
    if (depth[node] < 2) continue;
    const auto [parent, byte] = parents_[node];
    fail_[node] = step(fail_[parent], byte);
    if (terminal_[node] == kNone) terminal_[node] = terminal_[fail_[node]];
  }
}

AddedTokenMatcher::Node AddedTokenMatcher::step(Node from, unsigned char byte) const {
  while (from != 0) {
    if (const Node* next = find_edge(from, byte)) return *next;
    from = fail_[from];
  }
  return root_[byte];
}

// Where the longest token of each position starts, the last position first. Read backwards, the automaton's longest
// suffix is the longest token that starts here.
std::vector<std::pair<size_t, uint32_t>> AddedTokenMatcher::starts(std::string_view text) const {
  std::vector<std::pair<size_t, uint32_t>> found;
  Node node = 0;
  for (size_t i = text.size(); i-- > 0;) {
    node = step(node, static_cast<unsigned char>(text[i]));
    if (node != 0 && terminal_[node] != kNone) found.emplace_back(i, terminal_[node]);
  }
  return found;
}

void AddedTokenMatcher::accept(std::string_view text, size_t begin, const AddedToken& token,
                               std::vector<Match>& matches) const {
  size_t end = begin + token.text.size();
  if (token.single_word && (word_before(text, begin) || word_after(text, end))) return;
  const size_t previous_end = matches.empty() ? 0 : matches.back().end;
  if (token.lstrip)
    begin = previous_end + space_begin(text.substr(previous_end, begin - previous_end), begin - previous_end);
  if (token.rstrip) end = space_end(text, end);
  matches.push_back({begin, end, token.id});
}

std::vector<AddedTokenMatcher::Match> AddedTokenMatcher::find(std::string_view text) const {
  std::vector<Match> matches;
  if (tokens_.empty()) return matches;
  const auto found = starts(text);
  size_t free_from = 0;
  for (auto it = found.rbegin(); it != found.rend(); ++it) {
    const auto [begin, index] = *it;
    if (begin < free_from) continue;
    const AddedToken& token = tokens_[index];
    accept(text, begin, token, matches);
    free_from = std::max(begin + token.text.size(), matches.empty() ? 0 : matches.back().end);
  }
  return matches;
}

}  // namespace bp
