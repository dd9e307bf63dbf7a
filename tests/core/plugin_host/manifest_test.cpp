#include "plugin_host/manifest.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fake_file.h"
#include "plugin_host/isa.h"

namespace bp {
namespace {

Checked<Manifest> read_file(const std::string& path) {
  auto image = ElfImage::open(path);
  if (!image) return std::unexpected(image.error());
  return read_manifest(*image);
}

template <class F>
Checked<Manifest> read_changed(F&& change) {
  const TempDir dir;
  return read_file(dir.write("changed.so", with_manifest(change)));
}

Verdict verdict_of(const Manifest& manifest, AbiVersion host = {}) {
  const auto checked = check_manifest(manifest, host);
  return checked ? Verdict::kOk : checked.error().verdict;
}

TEST(Manifest, SaysWhatThePluginSays) {
  const auto manifest = read_file(fake_path("good"));
  ASSERT_TRUE(manifest.has_value()) << manifest.error().reason;
  EXPECT_EQ(manifest->name, "good");
  EXPECT_EQ(manifest->vendor, "tests");
  EXPECT_EQ(manifest->version, "1.2.3");
  EXPECT_EQ(manifest->kinds, uint32_t{BP_KIND_DEVICE});
  EXPECT_TRUE(manifest->needs.empty());
}

TEST(Manifest, NeedsAreSplit) {
  const auto manifest =
      read_changed([](bp_manifest& m) { std::strcpy(m.needs, "libcuda.so.1>=12.4;;libnccl.so.2?;libx.so>=3?"); });
  ASSERT_TRUE(manifest.has_value());
  ASSERT_EQ(manifest->needs.size(), 3u);
  EXPECT_EQ(manifest->needs[0].library, "libcuda.so.1");
  EXPECT_EQ(manifest->needs[0].min_version, "12.4");
  EXPECT_FALSE(manifest->needs[0].optional);
  EXPECT_EQ(manifest->needs[1].library, "libnccl.so.2");
  EXPECT_TRUE(manifest->needs[1].optional);
  EXPECT_EQ(manifest->needs[2].min_version, "3");
  EXPECT_TRUE(manifest->needs[2].optional);
}

TEST(Manifest, OneThatLiesIsNone) {
  const auto is_refused = [](auto change) {
    const auto manifest = read_changed(change);
    return !manifest && manifest.error().verdict == Verdict::kNoManifest;
  };
  EXPECT_TRUE(is_refused([](bp_manifest& m) { m.magic[6] = '1'; }));
  EXPECT_TRUE(is_refused([](bp_manifest& m) { m.kinds = 0; }));
  EXPECT_TRUE(is_refused([](bp_manifest& m) { m.name[0] = '\0'; }));
  EXPECT_TRUE(is_refused([](bp_manifest& m) { std::strcpy(m.name, "a name\n"); }));
  EXPECT_TRUE(is_refused([](bp_manifest& m) { std::ranges::fill(m.name, 'x'); }));
  EXPECT_TRUE(is_refused([](bp_manifest& m) { std::ranges::fill(m.hint, 'x'); }));
  EXPECT_TRUE(is_refused([](bp_manifest& m) { std::ranges::fill(m.needs, ';'); }));
}

TEST(Manifest, ANoteOfAnotherSizeIsRefused) {
  const TempDir dir;
  std::string bytes = read_bytes(fake_path("good"));
  const size_t owner = bytes.find(std::string("BKPLANE\0", 8));
  const uint32_t size = 256;
  std::memcpy(bytes.data() + owner - 8, &size, sizeof size);
  const auto manifest = read_file(dir.write("short.so", bytes));
  ASSERT_FALSE(manifest.has_value());
  EXPECT_EQ(manifest.error().verdict, Verdict::kNoManifest);
}

TEST(Manifest, TwoOfThemAreRefused) {
  const auto manifest = read_file(fake_path("two_manifests"));
  ASSERT_FALSE(manifest.has_value());
  EXPECT_EQ(manifest.error().verdict, Verdict::kNoManifest);
  EXPECT_NE(manifest.error().reason.find("2 manifests"), std::string::npos) << manifest.error().reason;
}

TEST(Manifest, ALibraryWithoutOneIsNoPlugin) {
  const auto manifest = read_file(BP_BUILD_DIR "/tests/fakes/absent/libfake_absent_one.so");
  ASSERT_FALSE(manifest.has_value());
  EXPECT_EQ(manifest.error().verdict, Verdict::kNoManifest);
}

TEST(Manifest, MajorZeroMustMatchExactly) {
  const AbiVersion host{.major = 0, .minor = 3};
  EXPECT_EQ(verdict_of({.abi_minor_min = 3, .abi_minor_built = 3}, host), Verdict::kOk);
  EXPECT_EQ(verdict_of({.abi_minor_min = 2, .abi_minor_built = 2}, host), Verdict::kAbiMajor);
  EXPECT_EQ(verdict_of({.abi_minor_min = 3, .abi_minor_built = 4}, host), Verdict::kAbiMajor);
  EXPECT_EQ(verdict_of({.abi_minor_min = 4, .abi_minor_built = 4}, host), Verdict::kAbiTooNew);
  EXPECT_EQ(verdict_of({.abi_major_min = 1, .abi_major_max = 1}, host), Verdict::kAbiTooNew);
}

TEST(Manifest, LaterMajorsTakeWhatTheirMinimumAllows) {
  const AbiVersion host{.major = 2, .minor = 5};
  const auto built = [](uint16_t major_min, uint16_t major_max, uint16_t minor_min, uint16_t minor_built) {
    return Manifest{.abi_major_min = major_min,
                    .abi_major_max = major_max,
                    .abi_minor_min = minor_min,
                    .abi_minor_built = minor_built};
  };
  EXPECT_EQ(verdict_of(built(2, 2, 0, 9), host), Verdict::kOk);
  EXPECT_EQ(verdict_of(built(2, 2, 5, 1), host), Verdict::kOk);
  EXPECT_EQ(verdict_of(built(2, 2, 6, 9), host), Verdict::kAbiTooNew);
  EXPECT_EQ(verdict_of(built(1, 1, 0, 0), host), Verdict::kAbiMajor);
  EXPECT_EQ(verdict_of(built(1, 3, 7, 7), host), Verdict::kOk);
}

TEST(Manifest, ALaterProcessorOrAnotherSanitizerIsRefused) {
  if (host_isa_level() != 0) {
    EXPECT_EQ(verdict_of({.isa_level = host_isa_level() + 1}), Verdict::kIsa);
  }
  EXPECT_EQ(verdict_of({.isa_level = host_isa_level()}), Verdict::kOk);
  EXPECT_EQ(verdict_of({.sanitizer = 1u << 31}), Verdict::kSanitizer);
  EXPECT_EQ(verdict_of({.sanitizer = host_sanitizers()}), Verdict::kOk);
}

}  // namespace
}  // namespace bp
