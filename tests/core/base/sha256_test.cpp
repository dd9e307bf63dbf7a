#include "base/sha256.h"

#include <gtest/gtest.h>

namespace bp {
namespace {

TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveWhatTheWholeGives) {
  for (size_t size = 0; size < 200; ++size) {
    const std::string text(size, 'x');
    const std::string whole = sha256_hex(text);
    for (const size_t piece : {1, 7, 63, 64, 65}) {
      Sha256 hash;
      for (size_t at = 0; at < size; at += piece) hash.update(std::string_view(text).substr(at, piece));
      EXPECT_EQ(hash.finish(), whole) << size << " bytes in pieces of " << piece;
    }
  }
}

TEST(Sha256, AMissingFileIsAnError) { EXPECT_FALSE(sha256_of_file(BP_SOURCE_DIR "/no/such/file")); }

}  // namespace
}  // namespace bp
