#include "scheduler/scheduler.h"

#include <gtest/gtest.h>

#include <array>
#include <map>

namespace bp {
namespace {

Request request(int n_prompt, int n_new) {
  Request r;
  for (int i = 0; i < n_prompt; ++i) r.prompt.push_back(i);
  r.max_new_tokens = n_new;
  return r;
}

// Every sampled token is 7.
std::map<SequenceId, std::unique_ptr<Sequence>> run(Scheduler& scheduler, int max_steps, int* n_steps = nullptr) {
  std::map<SequenceId, std::unique_ptr<Sequence>> done;
  for (int step = 0; step < max_steps && !scheduler.idle(); ++step) {
    const Batch batch = scheduler.next();
    EXPECT_FALSE(batch.empty());
    std::vector<int32_t> tokens;
    for (const BatchItem& item : batch.items) {
      EXPECT_GE(item.sequence->pages.pages().size() * 4, static_cast<size_t>(item.first + item.n_tokens));
      if (item.samples) tokens.push_back(7);
    }
    scheduler.commit(batch, tokens);
    for (auto& sequence : scheduler.take_finished()) done[sequence->id] = std::move(sequence);
    if (n_steps != nullptr) ++*n_steps;
  }
  EXPECT_TRUE(scheduler.idle());
  return done;
}

TEST(Scheduler, ChunksAPromptWithinTheBudget) {
  PageAllocator pages(100);
  Scheduler scheduler({.max_batch_tokens = 8, .max_context = 100, .page_size = 4}, pages);
  ASSERT_TRUE(scheduler.add(request(20, 2)).has_value());
  const Batch first = scheduler.next();
  ASSERT_EQ(first.items.size(), 1u);
  EXPECT_EQ(first.n_tokens, 8);
  EXPECT_EQ(first.n_outputs, 0);
  scheduler.commit(first, {});
  scheduler.commit(scheduler.next(), {});
  const Batch last = scheduler.next();
  EXPECT_EQ(last.n_tokens, 4);
  EXPECT_TRUE(last.items[0].samples);
}

TEST(Scheduler, DecodesTogetherWhatRunsAndFillsUpWithPrompts) {
  PageAllocator pages(100);
  Scheduler scheduler({.max_batch_tokens = 16, .max_context = 100, .page_size = 4}, pages);
  ASSERT_TRUE(scheduler.add(request(3, 10)).has_value());
  ASSERT_TRUE(scheduler.add(request(5, 10)).has_value());
  scheduler.commit(scheduler.next(), std::array<int32_t, 2>{7, 7});
  ASSERT_TRUE(scheduler.add(request(30, 10)).has_value());
  const Batch batch = scheduler.next();
  ASSERT_EQ(batch.items.size(), 3u);
  EXPECT_EQ(batch.items[0].n_tokens, 1);
  EXPECT_EQ(batch.items[1].n_tokens, 1);
  EXPECT_EQ(batch.items[2].n_tokens, 14);
  EXPECT_EQ(batch.n_outputs, 2);
}

TEST(Scheduler, PreemptsTheYoungestWhenPagesRunOutAndStillFinishesAll) {
  PageAllocator pages(6);  // 24 tokens for three sequences that need 5 + 11 each
  Scheduler scheduler({.max_batch_tokens = 32, .max_context = 24, .page_size = 4}, pages);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(scheduler.add(request(5, 12)).has_value());
  const auto done = run(scheduler, 200);
  ASSERT_EQ(done.size(), 3u);
  for (const auto& [id, sequence] : done) {
    EXPECT_EQ(sequence->n_generated(), 12);
    EXPECT_EQ(sequence->finish, FinishReason::kLength);
  }
  EXPECT_EQ(pages.free_pages(), 6);
}

TEST(Scheduler, StopsAtAStopToken) {
  PageAllocator pages(10);
  Scheduler scheduler({.max_context = 40, .page_size = 4}, pages);
  Request r = request(2, 10);
  r.stop_tokens = {7};
  ASSERT_TRUE(scheduler.add(std::move(r)).has_value());
  const auto done = run(scheduler, 10);
  EXPECT_EQ(done.at(0)->n_generated(), 1);
  EXPECT_EQ(done.at(0)->finish, FinishReason::kStop);
}

TEST(Scheduler, GeneratesOnlyWhatTheContextHolds) {
  PageAllocator pages(10);
  Scheduler scheduler({.max_context = 12, .page_size = 4}, pages);
  ASSERT_TRUE(scheduler.add(request(10, 100)).has_value());
  const auto done = run(scheduler, 20);
  EXPECT_EQ(done.at(0)->n_generated(), 3);  // the last one is never fed back
}

TEST(Scheduler, RefusesWhatCanNeverRun) {
  PageAllocator pages(10);
  Scheduler scheduler({.max_context = 100, .page_size = 4}, pages);
  EXPECT_FALSE(scheduler.add(request(0, 1)).has_value());
  const auto too_long = scheduler.add(request(41, 1));
  ASSERT_FALSE(too_long.has_value());
  EXPECT_EQ(
      too_long.error().message(),
      "prompt: is too long (41 tokens, context 40); shorten it, or raise engine.max_context or kv.memory_fraction");
}

TEST(Scheduler, AllLogitsNeverExceedTheOutputRows) {
  PageAllocator pages(100);
  Scheduler scheduler({.max_batch_tokens = 64, .max_outputs = 10, .max_context = 100, .page_size = 4}, pages);
  for (int i = 0; i < 2; ++i) {
    Request r = request(17, 0);
    r.all_logits = true;
    ASSERT_TRUE(scheduler.add(std::move(r)).has_value());
  }
  int rows = 0;
  while (!scheduler.idle()) {
    const Batch batch = scheduler.next();
    EXPECT_LE(batch.n_outputs, 10);
    rows += batch.n_outputs;
    std::vector<int32_t> tokens(batch.items.size(), 0);
    scheduler.commit(batch, tokens);
  }
  EXPECT_EQ(rows, 34);
}

TEST(Scheduler, ACancelledSequenceGivesItsPagesBack) {
  PageAllocator pages(10);
  Scheduler scheduler({.max_context = 40, .page_size = 4}, pages);
  const auto id = scheduler.add(request(9, 10));
  ASSERT_TRUE(id.has_value());
  scheduler.commit(scheduler.next(), std::array<int32_t, 1>{7});
  EXPECT_EQ(pages.free_pages(), 7);
  scheduler.cancel(*id);
  EXPECT_EQ(pages.free_pages(), 10);
  EXPECT_TRUE(scheduler.idle());
}

TEST(Scheduler, PlansAStepBeforeTheTokensOfTheOneBefore) {
  PageAllocator pages(10);
  Scheduler scheduler({.max_context = 40, .page_size = 4}, pages);
  ASSERT_TRUE(scheduler.add(request(3, 3)).has_value());
  const Batch first = scheduler.next();
  EXPECT_EQ(first.items[0].pending_row, -1);
  const Batch second = scheduler.next();
  ASSERT_EQ(second.items.size(), 1u);
  EXPECT_EQ(second.items[0].first, 3);
  EXPECT_EQ(second.items[0].n_tokens, 1);
  EXPECT_EQ(second.items[0].pending_row, 0);
  EXPECT_EQ(scheduler.commit(first, std::array<int32_t, 1>{7})[0].token, 7);
  const Batch third = scheduler.next();
  EXPECT_EQ(third.items[0].first, 4);
  EXPECT_EQ(scheduler.commit(second, std::array<int32_t, 1>{8})[0].finish, FinishReason::kRunning);
  EXPECT_TRUE(scheduler.next().empty());  // the third token is the last, and known to be
  EXPECT_FALSE(scheduler.idle());
  EXPECT_EQ(pages.free_pages(), 10);
  EXPECT_EQ(scheduler.commit(third, std::array<int32_t, 1>{9})[0].finish, FinishReason::kLength);
  EXPECT_TRUE(scheduler.idle());
  const auto finished = scheduler.take_finished();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0]->tokens, (std::vector<int32_t>{0, 1, 2, 7, 8, 9}));
}

TEST(Scheduler, TellsNoTokenThatWasDrawnAfterTheEnd) {
  PageAllocator pages(10);
  Scheduler scheduler({.max_context = 40, .page_size = 4}, pages);
  Request r = request(4, 10);
  r.stop_tokens = {7};
  ASSERT_TRUE(scheduler.add(std::move(r)).has_value());
  const Batch first = scheduler.next();
  const Batch second = scheduler.next();
  const auto events = scheduler.commit(first, std::array<int32_t, 1>{7});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].finish, FinishReason::kStop);
  EXPECT_TRUE(scheduler.idle());
  EXPECT_EQ(pages.free_pages(), 10);               // whoever takes them writes after the second step
  EXPECT_TRUE(scheduler.take_finished().empty());  // the second step still has it
  EXPECT_TRUE(scheduler.commit(second, std::array<int32_t, 1>{5}).empty());
  const auto finished = scheduler.take_finished();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0]->tokens.back(), 7);
  EXPECT_EQ(finished[0]->n_generated(), 1);
}

TEST(Scheduler, CancelsASequenceThatIsInAPlannedStep) {
  PageAllocator pages(10);
  Scheduler scheduler({.max_context = 40, .page_size = 4}, pages);
  const auto id = scheduler.add(request(4, 10));
  ASSERT_TRUE(id.has_value());
  const Batch first = scheduler.next();
  scheduler.cancel(*id);
  EXPECT_TRUE(scheduler.idle());
  EXPECT_EQ(pages.free_pages(), 10);
  EXPECT_TRUE(scheduler.next().empty());
  EXPECT_TRUE(scheduler.commit(first, std::array<int32_t, 1>{5}).empty());
  EXPECT_TRUE(scheduler.take_finished().empty());
}

TEST(Scheduler, AnEvictedSequenceWithAPendingTokenIsComputedAgain) {
  PageAllocator pages(3);
  Scheduler scheduler({.max_batch_tokens = 32, .max_context = 12, .page_size = 4}, pages);
  ASSERT_TRUE(scheduler.add(request(4, 8)).has_value());
  ASSERT_TRUE(scheduler.add(request(3, 5)).has_value());
  const Batch first = scheduler.next();  // both; then the first one takes the last page, and the second lacks one
  ASSERT_EQ(first.items.size(), 2u);
  const Batch second = scheduler.next();
  ASSERT_EQ(second.items.size(), 2u);
  scheduler.commit(first, std::array<int32_t, 2>{7, 8});
  const Batch third = scheduler.next();
  ASSERT_EQ(third.items.size(), 1u);
  const auto events = scheduler.commit(second, std::array<int32_t, 2>{9, 10});
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].token, 10);  // of the one that lost its pages meanwhile
  Batch last = third;
  for (int step = 0; step < 100 && !scheduler.idle(); ++step) {
    const Batch next = scheduler.next();
    std::vector<int32_t> tokens;
    for (const BatchItem& item : last.items) {
      if (item.samples) tokens.push_back(11);
    }
    scheduler.commit(last, tokens);
    last = next;
  }
  EXPECT_TRUE(scheduler.idle());
  for (const auto& sequence : scheduler.take_finished()) {
    if (sequence->n_prompt() != 3) continue;
    EXPECT_EQ(sequence->tokens, (std::vector<int32_t>{0, 1, 2, 8, 10, 11, 11, 11}));
  }
  EXPECT_EQ(pages.free_pages(), 3);
}

}  // namespace
}  // namespace bp
