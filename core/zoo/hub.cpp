#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "zoo/fetch.h"
#include "zoo/transfer.h"

namespace bp {
namespace {

constexpr int kMaxAttempts = 50;  // in all, however much each brought

// False once a stop is asked for.
bool pause(int64_t duration_ms, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, std::chrono::milliseconds(duration_ms), [] { return false; });
  return !stop.stop_requested();
}

std::string url_of(const HubSource& source, const std::string& file, const std::string& hub_url) {
  std::string base = hub_url;
  while (base.ends_with('/')) base.pop_back();
  return fmt::format("{}/{}/resolve/{}/{}", base, source.repo, source.revision, file);
}

}  // namespace

Status fetch_from_hub(const HubSource& source, const Fetch& fetch, FileFetch& file) {
  const std::string url = url_of(source, file.file.name, fetch.options.hub_url);
  Transfer::Outcome last;
  int barren = 0;  // attempts in a row that brought nothing
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    last = Transfer(fetch, file, url).run();
    if (last.status || !last.try_again) return last.status;
    barren = last.brought ? 0 : barren + 1;
    if (barren >= fetch.options.max_attempts) break;
    if (!pause(fetch.options.backoff_ms << std::min(barren, 6), fetch.options.stop)) {
      return fail(ErrorCode::kInterrupted, url, "interrupted");
    }
  }
  return last.status;
}

}  // namespace bp
