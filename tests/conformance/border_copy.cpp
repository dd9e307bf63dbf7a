// copy: bytes arrive whole, in order and nowhere else.
#include <algorithm>

#include "border_device.h"

namespace bp::conformance {
namespace {

constexpr uint64_t kBytes = 8192;

struct Place {
  BorderQueue queue;
  BorderMemory a, b;
  explicit Place(Device& device, uint64_t bytes = kBytes)
      : queue(device), a(device, device_heap(device), bytes), b(device, device_heap(device), bytes) {}
  bool ok() const { return queue.ok() && a.ok() && b.ok(); }
  std::string error() const { return queue.error() + a.error() + b.error(); }
};

// Sizes and offsets that are no multiples of anything, and what lies around them.
BorderFinding any_size(Subject& subject) {
  Place p(subject.device());
  if (!p.ok()) return broken(p.error());
  const std::vector<uint8_t> before = pattern(kBytes, 1);
  unsigned seed = 2;
  for (const uint64_t offset : {uint64_t{0}, uint64_t{64}, uint64_t{4096}}) {
    for (const uint64_t bytes : {1, 3, 4, 31, 33, 64, 257, 1000, 4096}) {
      if (!p.queue.write(p.a, 0, before)) return broken(p.queue.error());
      const std::vector<uint8_t> piece = pattern(bytes, ++seed);
      if (!p.queue.write(p.a, offset, piece)) return broken(p.queue.error());
      std::vector<uint8_t> want = before, got(kBytes);
      std::ranges::copy(piece, want.begin() + static_cast<int64_t>(offset));
      if (!p.queue.read(p.a, 0, got)) return broken(p.queue.error());
      const auto [at, expected] = std::ranges::mismatch(got, want);
      if (at != got.end())
        return broken(fmt::format("{} bytes to offset {}: byte {} is {}, not {}", bytes, offset, at - got.begin(), *at,
                                  *expected));
    }
  }
  return {};
}

BorderFinding large(Subject& subject) {
  constexpr uint64_t kLarge = (uint64_t{8} << 20) + 17;
  Place p(subject.device(), kLarge);
  if (!p.ok()) return broken(p.error());
  const std::vector<uint8_t> content = pattern(kLarge, 3);
  std::vector<uint8_t> back(kLarge);
  if (!p.queue.write(p.a, 0, content)) return broken(p.queue.error());
  if (p.queue.copy({p.b.span(0, kLarge)}, {p.a.span(0, kLarge)}) != BP_OK) return broken(p.queue.error());
  if (!p.queue.read(p.b, 0, back)) return broken(p.queue.error());
  return back == content ? BorderFinding{} : broken("8 MiB and 17 bytes come back changed");
}

// Each copy sees what the one before it wrote, without a sync in between.
BorderFinding in_order(Subject& subject) {
  Place p(subject.device());
  if (!p.ok()) return broken(p.error());
  constexpr uint64_t kPiece = 1024;
  const std::vector<uint8_t> first = pattern(kPiece, 4);
  std::vector<uint8_t> back(kPiece);
  for (int round = 0; round < 20; ++round) {
    std::vector<uint8_t> content = first;
    content[0] = static_cast<uint8_t>(round);
    std::ranges::fill(back, 0);
    if (p.queue.copy({p.a.span(0, kPiece)}, {host_span(content)}) != BP_OK) return broken(p.queue.error());
    std::ranges::fill(content, 0xee);  // the bytes are ours again
    for (int hop = 0; hop < 6; ++hop) {
      const BorderMemory& from = hop % 2 == 0 ? p.a : p.b;
      const BorderMemory& to = hop % 2 == 0 ? p.b : p.a;
      if (p.queue.copy({to.span((hop + 1) * 64, kPiece)}, {from.span(hop * 64, kPiece)}) != BP_OK)
        return broken(p.queue.error());
    }
    if (!p.queue.read(p.a, 6 * 64, back)) return broken(p.queue.error());
    std::vector<uint8_t> want = first;
    want[0] = static_cast<uint8_t>(round);
    if (back != want) return broken("six copies in a row do not pass on what the first wrote");
  }
  return {};
}

// Parts of one slab to others of it.
BorderFinding within_a_slab(Subject& subject) {
  Place p(subject.device());
  if (!p.ok()) return broken(p.error());
  const std::vector<uint8_t> content = pattern(kBytes, 5);
  if (!p.queue.write(p.a, 0, content)) return broken(p.queue.error());
  // The first kilobyte to where the second ends, and the last one to the second: neighbours that do not overlap.
  if (p.queue.copy({p.a.span(2048, 1024), p.a.span(1024, 1024)}, {p.a.span(0, 1024), p.a.span(7168, 1024)}) != BP_OK)
    return broken(p.queue.error());
  std::vector<uint8_t> want = content, got(kBytes);
  std::copy_n(content.begin(), 1024, want.begin() + 2048);
  std::copy_n(content.begin() + 7168, 1024, want.begin() + 1024);
  if (!p.queue.read(p.a, 0, got)) return broken(p.queue.error());
  return got == want ? BorderFinding{} : broken("pieces within one slab arrive changed, or elsewhere");
}

BorderFinding many_pieces(Subject& subject) {
  constexpr uint32_t kPieces = 100;
  Place p(subject.device(), kPieces * 64);
  if (!p.ok()) return broken(p.error());
  const std::vector<uint8_t> content = pattern(kPieces * 64, 6);
  std::vector<uint8_t> back(content.size());
  std::vector<bp_span> to, from;
  for (uint32_t i = 0; i < kPieces; ++i) {
    const uint64_t bytes = 1 + i % 64;
    to.push_back(p.b.span(uint64_t{(i * 37) % kPieces} * 64, bytes));
    from.push_back(p.a.span(uint64_t{i} * 64, bytes));
  }
  const std::vector<uint8_t> zeros(content.size());
  if (!p.queue.write(p.a, 0, content) || !p.queue.write(p.b, 0, zeros)) return broken(p.queue.error());
  if (p.queue.copy(to, from) != BP_OK || !p.queue.read(p.b, 0, back)) return broken(p.queue.error());
  std::vector<uint8_t> want = zeros;
  for (uint32_t i = 0; i < kPieces; ++i) {
    std::copy_n(content.begin() + static_cast<int64_t>(from[i].off), from[i].bytes,
                want.begin() + static_cast<int64_t>(to[i].off));
  }
  return back == want ? BorderFinding{} : broken("a copy of 100 pieces loses or moves some");
}

BorderFinding nothing_at_all(Subject& subject) {
  Place p(subject.device());
  if (!p.ok()) return broken(p.error());
  const std::vector<uint8_t> content = pattern(kBytes, 7);
  if (!p.queue.write(p.a, 0, content)) return broken(p.queue.error());
  if (p.queue.copy({}, {}) != BP_OK) return broken("no pieces: " + p.queue.error());
  if (p.queue.copy({p.a.span(64, 0)}, {p.b.span(0, 0)}) != BP_OK) return broken("no bytes: " + p.queue.error());
  if (p.queue.copy({p.a.span(kBytes, 0)}, {p.b.span(kBytes, 0)}) != BP_OK)
    return broken("no bytes, at the end: " + p.queue.error());
  std::vector<uint8_t> got(kBytes);
  if (!p.queue.read(p.a, 0, got)) return broken(p.queue.error());
  return got == content ? BorderFinding{} : broken("copies of nothing changed something");
}

// A piece past the end: BP_E_INVALID, and none of the pieces is copied.
BorderFinding past_the_end(Subject& subject) {
  Place p(subject.device());
  if (!p.ok()) return broken(p.error());
  const std::vector<uint8_t> content = pattern(kBytes, 8);
  if (!p.queue.write(p.a, 0, content) || !p.queue.write(p.b, 0, pattern(kBytes, 9))) return broken(p.queue.error());
  // Slabs may be longer than was asked for: a granularity past the end is past it for certain.
  const bp_heap& heap = subject.device().heaps()[device_heap(subject.device())];
  const uint64_t past = std::max<uint64_t>(heap.granularity, 64) * 2 + kBytes;
  const std::vector<std::pair<bp_span, bp_span>> bad = {
      {p.a.span(past, 64), p.b.span(0, 64)},
      {p.a.span(0, 64), p.b.span(past, 64)},
      {p.a.span(64, UINT64_MAX - 63), p.b.span(64, UINT64_MAX - 63)},
      {p.a.span(UINT64_MAX - 63, 128), p.b.span(0, 128)},
  };
  for (const auto& [to, from] : bad) {
    const bp_status status = p.queue.copy({p.a.span(0, 64), to}, {p.b.span(0, 64), from});
    if (status == BP_OK) return broken(fmt::format("a piece at {} of {} bytes says BP_OK", to.off, to.bytes));
    if (status != BP_E_INVALID)
      return broken(fmt::format("a piece past the end is to say BP_E_INVALID: {}", p.queue.error()));
  }
  std::vector<uint8_t> got(kBytes);
  if (!p.queue.read(p.a, 0, got)) return broken(p.queue.error());
  return got == content ? BorderFinding{} : broken("a copy that was refused has copied some of its pieces");
}

}  // namespace

std::vector<BorderCheck> copy_checks() {
  return {{"border_copy_any_size", any_size},        {"border_copy_large", large},
          {"border_copy_in_order", in_order},        {"border_copy_within_a_slab", within_a_slab},
          {"border_copy_many_pieces", many_pieces},  {"border_copy_nothing", nothing_at_all},
          {"border_copy_past_the_end", past_the_end}};
}

}  // namespace bp::conformance
