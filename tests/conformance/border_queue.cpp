// Queues, events and native graphs.
#include <thread>

#include "border_device.h"
#include "plugin_host/device_graph.h"

namespace bp::conformance {
namespace {

constexpr uint64_t kBytes = 4096;

BorderFinding kinds(Subject& subject) {
  Device& device = subject.device();
  for (const uint32_t flags : {0U, uint32_t{BP_QUEUE_COPY}, uint32_t{BP_QUEUE_BLAME}}) {
    for (const int32_t priority : {0, 1, -1, INT32_MAX, INT32_MIN}) {
      BorderQueue queue(device, flags, priority);
      if (!queue.ok()) return broken(queue.error());
      if (queue.sync() != BP_OK) return broken("of a queue without work: " + queue.error());
      if (queue.sync(0) != BP_OK) return broken("asked whether a queue without work is idle: " + queue.error());
    }
  }
  return {};
}

// Two queues, each driven by a thread of its own.
BorderFinding side_by_side(Subject& subject) {
  Device& device = subject.device();
  std::string why[2];
  const auto work = [&](unsigned which) {
    BorderQueue queue(device);
    const BorderMemory memory(device, device_heap(device), kBytes);
    if (!queue.ok() || !memory.ok()) {
      why[which] = queue.error() + memory.error();
      return;
    }
    for (unsigned round = 0; round < 50; ++round) {
      const std::vector<uint8_t> content = pattern(kBytes, round * 2 + which);
      std::vector<uint8_t> back(kBytes);
      if (!queue.write(memory, 0, content) || !queue.read(memory, 0, back)) {
        why[which] = queue.error();
        return;
      }
      if (back != content) {
        why[which] = fmt::format("bytes come back changed in round {}", round);
        return;
      }
    }
  };
  std::thread other(work, 1U);
  work(0);
  other.join();
  for (const std::string& one : why) {
    if (!one.empty()) return broken("two queues at once: " + one);
  }
  return {};
}

// What one queue wrote, another reads once the first was waited for.
BorderFinding handed_over(Subject& subject) {
  Device& device = subject.device();
  BorderQueue first(device), second(device, BP_QUEUE_COPY);
  const BorderMemory memory(device, device_heap(device), kBytes);
  if (!first.ok() || !second.ok() || !memory.ok()) return broken(first.error() + second.error() + memory.error());
  const std::vector<uint8_t> content = pattern(kBytes, 3);
  std::vector<uint8_t> back(kBytes);
  if (!first.write(memory, 0, content)) return broken(first.error());
  if (!second.read(memory, 0, back)) return broken(second.error());
  return back == content ? BorderFinding{} : broken("what one queue wrote another does not see after queue_sync");
}

struct EventOf {
  Device& device;
  bp_event* event = nullptr;
  BorderError err;
  bp_status status;
  EventOf(Device& of, uint32_t flags) : device(of) {
    status = device.api().event_create(device.handle(), flags, &event, err.get());
  }
  EventOf(const EventOf&) = delete;
  EventOf& operator=(const EventOf&) = delete;
  ~EventOf() {
    if (status == BP_OK) device.api().event_destroy(event);
  }
};

BorderFinding events_order(Subject& subject) {
  Device& device = subject.device();
  const bp_device_api& api = device.api();
  if (!device.has_events()) return absent("there are no events");
  api.event_destroy(nullptr);
  BorderQueue first(device), second(device);
  const BorderMemory a(device, device_heap(device), kBytes), b(device, device_heap(device), kBytes);
  if (!first.ok() || !second.ok() || !a.ok() || !b.ok()) return broken(first.error() + second.error() + a.error());
  EventOf event(device, BP_EVENT_HOST_WAIT);
  if (event.status != BP_OK) return broken("event_create: " + event.err.text(event.status));
  BorderError err;
  // Never recorded: nothing to wait for.
  if (const bp_status s = api.event_wait(second.handle(), event.event, err.get()); s != BP_OK)
    return broken("event_wait of an event that was never recorded: " + err.text(s));
  if (second.sync() != BP_OK) return broken("after that: " + second.error());
  for (unsigned round = 0; round < 10; ++round) {
    const std::vector<uint8_t> content = pattern(kBytes, round);
    std::vector<uint8_t> back(kBytes);
    if (first.copy({a.span(0, kBytes)}, {host_span(content)}) != BP_OK) return broken(first.error());
    if (const bp_status s = api.event_record(event.event, first.handle(), err.get()); s != BP_OK)
      return broken("event_record: " + err.text(s));
    if (const bp_status s = api.event_wait(second.handle(), event.event, err.get()); s != BP_OK)
      return broken("event_wait: " + err.text(s));
    if (second.copy({b.span(0, kBytes)}, {a.span(0, kBytes)}) != BP_OK || !second.read(b, 0, back))
      return broken(second.error());
    if (back != content) return broken("a queue that waits for another's event does not see what came before it");
    if (const bp_status s = api.event_sync(event.event, UINT64_MAX, err.get()); s != BP_OK)
      return broken("event_sync: " + err.text(s));
    if (const bp_status s = api.event_sync(event.event, 0, err.get()); s != BP_OK)
      return broken("event_sync of an event that was reached, without waiting: " + err.text(s));
  }
  return {};
}

BorderFinding events_time(Subject& subject) {
  Device& device = subject.device();
  if (!device.has_events() || device.api().event_elapsed == nullptr) return absent("events do not tell the time");
  BorderQueue queue(device);
  const BorderMemory a(device, device_heap(device), kBytes);
  EventOf begin(device, BP_EVENT_TIMING), end(device, BP_EVENT_TIMING | BP_EVENT_HOST_WAIT), plain(device, 0);
  if (!queue.ok() || !a.ok() || begin.status != BP_OK || end.status != BP_OK || plain.status != BP_OK)
    return broken("event_create: " + begin.err.text(begin.status) + end.err.text(end.status));
  const bp_device_api& api = device.api();
  BorderError err;
  for (bp_event* event : {begin.event, plain.event, end.event}) {
    if (const bp_status s = api.event_record(event, queue.handle(), err.get()); s != BP_OK)
      return broken("event_record: " + err.text(s));
    if (!queue.write(a, 0, pattern(kBytes, 1))) return broken(queue.error());
  }
  double us = -1;
  if (const bp_status s = api.event_elapsed(begin.event, end.event, &us, err.get()); s != BP_OK)
    return broken("event_elapsed: " + err.text(s));
  if (!(us >= 0 && us < 60e6)) return broken(fmt::format("event_elapsed says {} us", us));
  if (api.event_elapsed(begin.event, plain.event, &us, err.get()) != BP_E_INVALID)
    return broken("event_elapsed of an event that is not for timing is to say BP_E_INVALID");
  return {};
}

// Copies, recorded once and run again with other bytes.
BorderFinding graphs_replay(Subject& subject) {
  Device& device = subject.device();
  const bp_ext_graph* graphs = graph_extension(device);
  if (graphs == nullptr) return absent("there is no graph/1");
  BorderQueue queue(device);
  const BorderMemory a(device, device_heap(device), kBytes), b(device, device_heap(device), kBytes);
  if (!queue.ok() || !a.ok() || !b.ok()) return broken(queue.error() + a.error() + b.error());
  if (!queue.write(a, 0, pattern(kBytes, 1)) || !queue.write(b, 0, std::vector<uint8_t>(kBytes)))
    return broken(queue.error());
  BorderError err;
  // One that is dropped leaves nothing behind.
  if (const bp_status s = graphs->begin(queue.handle(), err.get()); s != BP_OK) return broken("begin: " + err.text(s));
  graphs->abandon(queue.handle());
  if (const bp_status s = graphs->begin(queue.handle(), err.get()); s != BP_OK)
    return broken("begin after abandon: " + err.text(s));
  if (queue.copy({b.span(0, kBytes)}, {a.span(0, kBytes)}) != BP_OK) {
    graphs->abandon(queue.handle());
    return broken("while recording: " + queue.error());
  }
  bp_graph* graph = nullptr;
  uint64_t bytes = 0;
  if (const bp_status s = graphs->end(queue.handle(), &graph, &bytes, err.get()); s != BP_OK)
    return broken("end: " + err.text(s));
  BorderFinding found;
  std::vector<uint8_t> back(kBytes);
  if (!queue.read(b, 0, back)) {
    found = broken(queue.error());
  } else if (back != std::vector<uint8_t>(kBytes)) {
    found = broken("recording ran what it recorded");
  }
  for (unsigned round = 2; round < 5 && found.why.empty(); ++round) {
    const std::vector<uint8_t> content = pattern(kBytes, round);
    bp_launch launch{};
    launch.struct_size = sizeof(launch);
    launch.queue = queue.handle();
    launch.tag = round;
    if (!queue.write(a, 0, content)) {
      found = broken(queue.error());
    } else if (const bp_status s = graphs->launch(graph, &launch, err.get()); s != BP_OK) {
      found = broken("launch of a graph: " + err.text(s));
    } else if (!queue.read(b, 0, back)) {
      found = broken(queue.error());
    } else if (back != content) {
      found = broken("a replay does not copy what is there now");
    }
  }
  graphs->destroy(graph);
  return found;
}

}  // namespace

std::vector<BorderCheck> queue_checks() {
  return {{"border_queue_create_kinds", kinds},        {"border_queue_sync_hands_over", handed_over},
          {"border_queue_side_by_side", side_by_side}, {"border_events_order", events_order, 3},
          {"border_events_time", events_time, 3},      {"border_graph_replays_copies", graphs_replay, 4}};
}

const std::vector<BorderCheck>& border_checks() {
  static const std::vector<BorderCheck> checks = [] {
    std::vector<BorderCheck> all = memory_checks();
    for (auto* more : {&copy_checks, &queue_checks}) {
      for (const BorderCheck& check : more()) all.push_back(check);
    }
    return all;
  }();
  return checks;
}

}  // namespace bp::conformance
