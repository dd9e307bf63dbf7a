// plugin.h as a C++17 plugin sees it: the layout that C sees, manifest note, BP_HAS.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "layout_dump.h"
#include "own_note.h"

BP_MANIFEST("BKPLAN0", BP_ABI_MAJOR, BP_ABI_MAJOR, BP_ABI_MINOR, BP_ABI_MINOR, BP_KIND_ATTACHED, BP_BUILD_ISA,
            BP_BUILD_SANITIZER, 0, "layout_cpp", "tests", "1.0", "layout", "", "", "cuda", {0});

namespace {

TEST(AbiLayout, IsTheGoldenOne) {
  static char layout[1 << 16], golden[1 << 16];
  EXPECT_EQ(dump_layout(layout, sizeof layout), 0u) << "layout_list.h lacks a member";
  ASSERT_TRUE(read_golden(BP_SOURCE_DIR "/tests/plugin-api/abi_layout.golden", golden, sizeof golden));
  EXPECT_EQ(std::string(layout), std::string(golden));
}

std::string read_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(AbiLayout, DocumentHasTheGoldenOffsets) {
  const std::string golden = read_file(BP_SOURCE_DIR "/tests/plugin-api/abi_layout.golden");
  const std::string document = read_file(BP_SOURCE_DIR "/docs/plugin_abi.md");
  const std::string offsets = golden.substr(golden.find("bp_manifest "));
  EXPECT_NE(document.find(offsets), std::string::npos) << "paste abi_layout.golden into docs/plugin_abi.md";
}

TEST(AbiLayout, HasReadsTheTablesSize) {
  bp_device_api api{};
  const bp_device_api* none = nullptr;
  EXPECT_FALSE(BP_HAS(bp_device_api, none, ext));
  api.struct_size = sizeof api;
  EXPECT_FALSE(BP_HAS(bp_device_api, &api, ext));
  api.ext = [](bp_device*, const char*) -> const void* { return nullptr; };
  EXPECT_TRUE(BP_HAS(bp_device_api, &api, ext));
  api.struct_size = offsetof(bp_device_api, ext);
  EXPECT_FALSE(BP_HAS(bp_device_api, &api, ext)) << "what lies behind an older table is not its";
  api.struct_size = sizeof api + 64;
  EXPECT_TRUE(BP_HAS(bp_device_api, &api, ext));
}

TEST(AbiLayout, ManifestLandsInANote) {
  bp_manifest m{};
  ASSERT_EQ(find_own_manifest(&m), 1);
  EXPECT_EQ(std::memcmp(&m, &bp_note_.m, sizeof m), 0);
  EXPECT_STREQ(m.magic, "BKPLAN0");
  EXPECT_STREQ(m.name, "layout_cpp");
  EXPECT_STREQ(m.attaches_to, "cuda");
}

}  // namespace
