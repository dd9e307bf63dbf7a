#include "plugin_host/elf_image.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>

#include "fake_file.h"
#include "plugin_host/manifest.h"
#include "plugin_host/missing_libs.h"

namespace bp {
namespace {

// Every step that runs none of the file's code.
Checked<Manifest> static_check(const std::string& path) {
  auto image = ElfImage::open(path);
  if (!image) return std::unexpected(image.error());
  auto manifest = read_manifest(*image);
  if (!manifest) return manifest;
  if (auto fits = check_manifest(*manifest); !fits) return std::unexpected(fits.error());
  find_missing_libs(*image, *manifest, path);
  return manifest;
}

Verdict verdict_of(const std::string& path) {
  const auto checked = static_check(path);
  return checked ? Verdict::kOk : checked.error().verdict;
}

TEST(ElfImage, AWholePluginIsFine) { EXPECT_EQ(verdict_of(fake_path("good")), Verdict::kOk); }

TEST(ElfImage, WhatIsNoRegularElfFileIsRefused) {
  const TempDir dir;
  EXPECT_EQ(verdict_of(dir.path() + "/absent.so"), Verdict::kNotElf);
  EXPECT_EQ(verdict_of(dir.path()), Verdict::kNotElf);
  EXPECT_EQ(verdict_of(dir.write("empty.so", "")), Verdict::kNotElf);
  EXPECT_EQ(verdict_of(dir.write("text.so", "INPUT(libm.so)\n")), Verdict::kNotElf);
  const std::string pipe = dir.path() + "/pipe.so";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(verdict_of(pipe), Verdict::kNotElf);
  const std::string loop = dir.path() + "/loop.so";
  ASSERT_EQ(::symlink(loop.c_str(), loop.c_str()), 0);
  EXPECT_EQ(verdict_of(loop), Verdict::kNotElf);
  EXPECT_EQ(verdict_of("/dev/null"), Verdict::kNotElf);
}

TEST(ElfImage, AnotherMachineClassOrByteOrderIsNamed) {
  const TempDir dir;
  const std::string good = read_bytes(fake_path("good"));
  for (const auto& [at, value] :
       {std::pair{18, EM_S390}, std::pair{18, 0x7fff}, std::pair{4, int{ELFCLASS32}}, std::pair{5, int{ELFDATA2MSB}}}) {
    std::string bytes = good;
    bytes[static_cast<size_t>(at)] = static_cast<char>(value);
    EXPECT_EQ(verdict_of(dir.write("x.so", bytes)), Verdict::kWrongArch) << at;
  }
}

TEST(ElfImage, AProgramIsNoPlugin) { EXPECT_NE(verdict_of("/proc/self/exe"), Verdict::kOk); }

TEST(ElfImage, EveryTruncationIsRefused) {
  const TempDir dir;
  const std::string good = read_bytes(fake_path("good"));
  const std::string path = dir.write("cut.so", good);
  size_t size = good.size();
  while (size > 0) {
    size -= std::min<size_t>(size, size > 4096 ? 509 : 7);
    ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(size)), 0);
    const Verdict verdict = verdict_of(path);
    ASSERT_EQ(verdict, size < SELFMAG ? Verdict::kNotElf : Verdict::kTruncated) << size << " bytes";
  }
}

TEST(ElfImage, NoBitFlipInTheHeadersCrashes) {
  const TempDir dir;
  const std::string good = read_bytes(fake_path("good"));
  const std::string path = dir.write("flipped.so", good);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto put = [&](size_t at, char byte) {
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte).flush();
  };
  const size_t header_bytes = std::min<size_t>(good.size(), 1536);
  for (size_t bit = 0; bit < header_bytes * 8; bit += 3) {
    put(bit / 8, static_cast<char>(good[bit / 8] ^ (1 << (bit % 8))));
    (void)verdict_of(path);
    put(bit / 8, good[bit / 8]);
  }
  EXPECT_EQ(verdict_of(path), Verdict::kOk);
}

TEST(ElfImage, NoRandomDamageCrashes) {
  const TempDir dir;
  const std::string good = read_bytes(fake_path("good"));
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string bytes = good;
    for (int i = 0; i < 64; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    (void)verdict_of(dir.write("damaged.so", bytes));
  }
}

}  // namespace
}  // namespace bp
