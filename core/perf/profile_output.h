// A profile for programs and for people: JSON, a trace of Chrome's, a page of HTML.
#pragma once

#include <string>

#include "base/json.h"
#include "perf/profile.h"

namespace bp {

// {model, device, …, phases[], ops[], memory}: docs/profiling.md names every key.
json::object profile_json(const Profile& profile);

// Chrome's Trace Event Format, which opens in Perfetto (https://ui.perfetto.dev): steps, the programs within and their
// launches, nested by time; counters of memory.
std::string profile_trace(const Profile& profile);

// One page that needs nothing else. Of each phase the first `max_steps` are in its time line.
std::string profile_html(const Profile& profile, int max_steps = 32);

// "host", "events" or "drained".
const char* launch_clock_name(LaunchClock clock);

}  // namespace bp
