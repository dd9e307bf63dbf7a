// How much of the KV memory holds tokens, and how many sequences run at once, when requests of mixed lengths take pages
// and when each takes one run of tokens. No device and no clock: the scheduler and the page allocator alone, counted in
// steps. Prints a table; docs/memory.md describes the trace.
//
//   paged     pages of 16 tokens, taken as a sequence grows
//   exact     prompt + answer in one run, first fit: needs the answer's length beforehand, which nobody has
//   doubling  the next power of two of the prompt + answer in one run, first fit: a guess of it
//   maximum   the longest context in one run for each
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <vector>

#include "scheduler/scheduler.h"

namespace {

using namespace bp;

constexpr int kMaxContext = 2048;
constexpr int kPageSize = 16;

struct TraceRequest {
  int arrival_step;
  int n_prompt, n_answer;
  int n_tokens() const { return n_prompt + n_answer - 1; }  // the last token needs no KV
};

// Log-normal lengths, Poisson arrivals.
std::vector<TraceRequest> make_trace(int n_requests, double steps_between, uint32_t seed) {
  std::mt19937 random(seed);
  std::lognormal_distribution<double> prompt(std::log(160.0), 1.0), answer(std::log(200.0), 0.8);
  std::exponential_distribution<double> wait(1 / steps_between);
  std::vector<TraceRequest> trace;
  double step = 0;
  for (int i = 0; i < n_requests; ++i) {
    step += wait(random);
    const int n_prompt = std::clamp(static_cast<int>(prompt(random)), 4, kMaxContext / 2);
    const int n_answer = std::clamp(static_cast<int>(answer(random)), 4, kMaxContext / 2);
    trace.push_back({static_cast<int>(step), n_prompt, n_answer});
  }
  return trace;
}

// Runs of tokens out of one stretch, the first that fits.
class FirstFit {
 public:
  explicit FirstFit(int n_tokens) : free_{{0, n_tokens}} {}
  bool take(SequenceId id, int n_tokens) {
    for (auto at = free_.begin(); at != free_.end(); ++at) {
      if (at->second < n_tokens) continue;
      const auto [begin, size] = *at;
      free_.erase(at);
      if (size > n_tokens) free_[begin + n_tokens] = size - n_tokens;
      taken_[id] = {begin, n_tokens};
      return true;
    }
    return false;
  }
  void give_back(SequenceId id) {
    auto [begin, size] = taken_.at(id);
    taken_.erase(id);
    if (const auto after = free_.find(begin + size); after != free_.end()) {
      size += after->second;
      free_.erase(after);
    }
    auto after = free_.lower_bound(begin);
    if (after != free_.begin() && std::prev(after)->first + std::prev(after)->second == begin) {
      std::prev(after)->second += size;
    } else {
      free_[begin] = size;
    }
  }

 private:
  std::map<int, int> free_;
  std::map<SequenceId, std::pair<int, int>> taken_;
};

struct Outcome {
  double held = 0;           // share of the memory that holds tokens, over the steps in which somebody waits for memory
  double n_running = 0;      // sequences, over the same steps
  int n_full_steps = 0;      // those steps
  int n_steps = 0;           // until all is done
  int64_t n_recomputed = 0;  // tokens computed more than once
  double answer_per_step = 0;  // tokens of answers, over all steps
};

enum class Policy { kPaged, kExact, kDoubling, kMaximum };

int reserved_tokens(Policy policy, const TraceRequest& request) {
  if (policy == Policy::kMaximum) return kMaxContext;
  if (policy == Policy::kExact) return request.n_tokens();
  int n = 1;
  while (n < request.n_tokens()) n *= 2;
  return std::min(n, kMaxContext);
}

Outcome run(const std::vector<TraceRequest>& trace, int kv_tokens, Policy policy) {
  SchedulerOptions options{
      .max_batch_tokens = 512, .max_seqs = 256, .max_outputs = 256, .max_context = kMaxContext, .page_size = kPageSize};
  // Where runs are reserved, those alone limit who is admitted.
  const int n_pages =
      policy == Policy::kPaged ? kv_tokens / kPageSize : static_cast<int>(trace.size()) * kMaxContext / kPageSize;
  PageAllocator pages(n_pages);
  Scheduler scheduler(options, pages);
  FirstFit runs(kv_tokens);
  std::deque<std::pair<SequenceId, const TraceRequest*>> waiting;  // for a run
  std::map<SequenceId, int> held;                                  // tokens in the cache
  Outcome outcome;
  size_t next = 0, n_done = 0;
  int64_t n_computed = 0, n_needed = 0, n_answers = 0;
  const auto submit = [&](const TraceRequest& request) {
    Request asked;
    asked.prompt.assign(static_cast<size_t>(request.n_prompt), 1);
    asked.max_new_tokens = request.n_answer;
    n_needed += request.n_tokens();
    return *scheduler.add(std::move(asked));
  };
  for (int step = 0; n_done < trace.size(); ++step) {
    for (; next < trace.size() && trace[next].arrival_step <= step; ++next) {
      if (policy == Policy::kPaged) {
        held[submit(trace[next])] = 0;
      } else {
        waiting.emplace_back(0, &trace[next]);
      }
    }
    while (!waiting.empty()) {  // in order of arrival, as the scheduler does
      const TraceRequest& request = *waiting.front().second;
      const auto id = static_cast<SequenceId>(held.size() + n_done);
      if (!runs.take(id, reserved_tokens(policy, request))) break;
      if (submit(request) != id) std::abort();
      held[id] = 0;
      waiting.pop_front();
    }
    const Batch batch = scheduler.next();
    ++outcome.n_steps;
    if (batch.empty()) continue;
    std::vector<int32_t> drawn;
    for (const BatchItem& item : batch.items) {
      n_computed += item.n_tokens;
      if (item.samples) drawn.push_back(1);
    }
    n_answers += static_cast<int64_t>(drawn.size());
    scheduler.commit(batch, drawn);
    for (const BatchItem& item : batch.items) held[item.sequence->id] = item.first + item.n_tokens;
    // Who waits for memory: in a queue, or put back into it.
    const size_t n_unfinished = held.size() + waiting.size();
    if (n_unfinished > batch.items.size() && batch.n_tokens < options.max_batch_tokens) {
      int64_t n_held = 0;
      for (const BatchItem& item : batch.items) n_held += item.first + item.n_tokens;
      outcome.held += static_cast<double>(n_held) / kv_tokens;
      outcome.n_running += static_cast<double>(batch.items.size());
      ++outcome.n_full_steps;
    }
    for (const auto& finished : scheduler.take_finished()) {
      held.erase(finished->id);
      if (policy != Policy::kPaged) runs.give_back(finished->id);
      ++n_done;
    }
  }
  if (outcome.n_full_steps > 0) {
    outcome.held /= outcome.n_full_steps;
    outcome.n_running /= outcome.n_full_steps;
  }
  outcome.n_recomputed = n_computed - n_needed;
  outcome.answer_per_step = static_cast<double>(n_answers) / outcome.n_steps;
  return outcome;
}

}  // namespace

int main(int argc, char** argv) {
  const int n_requests = argc > 1 ? std::atoi(argv[1]) : 200;
  const int kv_tokens = argc > 2 ? std::atoi(argv[2]) : 16384;
  const double steps_between = argc > 3 ? std::atof(argv[3]) : 2;
  if (n_requests < 1 || kv_tokens < kMaxContext || steps_between <= 0) {
    fmt::print(stderr, "usage: kv_utilisation_bench [REQUESTS [KV_TOKENS >= {} [STEPS_BETWEEN_ARRIVALS]]]\n",
               kMaxContext);
    return 2;
  }
  fmt::print("{} requests, one every {} steps; prompts log-normal around 160 (sigma 1), answers around 200 (0.8);\n",
             n_requests, steps_between);
  fmt::print("{} tokens of KV memory, contexts to {}; medians over 9 seeds\n", kv_tokens, kMaxContext);
  fmt::print("{:<10} {:>8} {:>10} {:>8} {:>12} {:>12}\n", "", "HOLDS", "SEQUENCES", "STEPS", "ANSWER/STEP",
             "RECOMPUTED");
  const auto median = [](std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
  };
  for (const auto& [name, policy] :
       {std::pair{"paged", Policy::kPaged}, std::pair{"exact", Policy::kExact},
        std::pair{"doubling", Policy::kDoubling}, std::pair{"maximum", Policy::kMaximum}}) {
    std::vector<double> held, running, steps, answers, recomputed;
    for (uint32_t seed = 1; seed <= 9; ++seed) {
      const Outcome outcome = run(make_trace(n_requests, steps_between, seed), kv_tokens, policy);
      held.push_back(outcome.held);
      running.push_back(outcome.n_running);
      steps.push_back(outcome.n_steps);
      answers.push_back(outcome.answer_per_step);
      recomputed.push_back(static_cast<double>(outcome.n_recomputed));
    }
    fmt::print("{:<10} {:>6.1f} % {:>10.1f} {:>8.0f} {:>12.2f} {:>12.0f}\n", name, 100 * median(held), median(running),
               median(steps), median(answers), median(recomputed));
  }
  return 0;
}
