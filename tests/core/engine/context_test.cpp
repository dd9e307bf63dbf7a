// A model with a table of positions cannot go beyond it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "model/model.h"

namespace bp {
namespace {

TEST(Context, EndsWithTheTableOfPositions) {
  const auto model = Model::open(BP_SOURCE_DIR "/tests/goldens/data/hf_gpt2_hub");  // 64 positions
  ASSERT_TRUE(model) << model.error().message();
  const auto engine = Engine::create(*model, nullptr, {.max_seqs = 1, .max_context = 1000, .kv_max_bytes = 1 << 20});
  ASSERT_TRUE(engine) << engine.error().message();
  EXPECT_EQ((*engine)->max_context(), 64);
  Request longer;
  longer.prompt.assign(65, 3);
  const auto refused = (*engine)->add(longer);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("is too long (65 tokens, context 64)"));
  Request request;
  request.prompt.assign(60, 3);
  request.max_new_tokens = 100;
  ASSERT_TRUE((*engine)->add(request));
  FinishReason finish = FinishReason::kRunning;
  int n_tokens = 0;
  while (!(*engine)->idle()) {
    const auto events = (*engine)->step();
    ASSERT_TRUE(events) << events.error().message();
    n_tokens += static_cast<int>(events->size());
    for (const TokenEvent& event : *events) finish = event.finish;
  }
  EXPECT_EQ(finish, FinishReason::kLength);
  EXPECT_LE(n_tokens, 5);  // 4 that are fed back, and one that is not
}

}  // namespace
}  // namespace bp
