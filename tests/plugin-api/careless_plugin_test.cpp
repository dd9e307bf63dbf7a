#include <gtest/gtest.h>

#include "plugin_host/elf_image.h"
#include "plugin_host/manifest.h"

namespace bp {
namespace {

TEST(CarelessPlugin, ManifestIsFoundBesideNotesOfOtherAlignment) {
  auto image = ElfImage::open(CARELESS_PLUGIN);
  ASSERT_TRUE(image.has_value()) << image.error().reason;
  auto manifest = read_manifest(*image);
  ASSERT_TRUE(manifest.has_value()) << manifest.error().reason;
  EXPECT_EQ(manifest->name, "careless");
  EXPECT_EQ(manifest->sanitizer, uint32_t{BP_BUILD_SANITIZER});
}

}  // namespace
}  // namespace bp
