#include "perf/profile_output.h"

#include <fmt/format.h>

#include <map>

namespace bp {
namespace {

// core/perf/profile.html as CMake embeds it.
constexpr std::string_view kPage =
#include "profile_page.inc"
    ;
constexpr std::string_view kPlace = "@PROFILE@";

double round_us(double us) { return std::round(us * 1000) / 1000; }

// Arrays instead of objects: there are thousands of launches.
json::array timeline(const Profile& profile, int max_steps) {
  json::array steps;
  std::map<size_t, int> n_drawn;
  for (const ProfileStep& step : profile.steps) {
    if (n_drawn[step.phase]++ >= max_steps) continue;
    json::array runs;
    for (const ProfileRun& run : step.runs) {
      json::array launches;
      for (const ProfileLaunch& launch : run.launches) {
        launches.push_back(
            json::array{launch.op, round_us(launch.start_us), round_us(launch.duration_us), launch.live_bytes});
      }
      runs.push_back(json::object{{"program", run.program},
                                  {"start", round_us(run.start_us)},
                                  {"duration", round_us(run.duration_us)},
                                  {"launches", launches}});
    }
    steps.push_back(json::object{{"phase", step.phase},
                                 {"start", round_us(step.start_us)},
                                 {"duration", round_us(step.duration_us)},
                                 {"n_tokens", step.n_tokens},
                                 {"n_seqs", step.n_seqs},
                                 {"kv", step.kv_bytes},
                                 {"runs", runs}});
  }
  return steps;
}

}  // namespace

std::string profile_html(const Profile& profile, int max_steps) {
  json::object data = profile_json(profile);
  data["n_steps"] = profile.steps.size();
  data["steps"] = timeline(profile, max_steps);
  // Names come from files: nothing in them may end the script that holds them.
  std::string text;
  for (const char c : write_json(data, {.ensure_ascii = true, .item_separator = ",", .key_separator = ":"})) {
    text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  }
  std::string page(kPage);
  page.replace(page.find(kPlace), kPlace.size(), text);
  return page;
}

}  // namespace bp
