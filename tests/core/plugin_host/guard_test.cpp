// The shim round every call of the border: a plugin that says it did what it has not is told so, by name, and the
// process goes on. tests/fakes/liar.c lies.
#include <gmock/gmock.h>

#include <array>
#include <vector>

#include "fake_file.h"
#include "plugin_host/device.h"
#include "plugin_host/device_graph.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Liar {
  std::unique_ptr<PluginRegistry> registry;
  Result<std::unique_ptr<Device>> device;

  explicit Liar(const std::string& lie) : device(nullptr) {
    HostCallbacks callbacks{.option = [lie](std::string_view, std::string_view key) -> std::optional<std::string> {
                              return key == "lie" ? std::optional(lie) : std::nullopt;
                            },
                            .ops = {}};
    registry = PluginRegistry::discover(only({fake_path("liar")}), std::move(callbacks));
    device = registry->open("liar:0");
  }
  Device& operator*() const { return **device; }
};

// A row of it, planned and bound.
struct Ready {
  Queue queue;
  Memory memory;
  Plan plan;
  Bound bound;

  static Result<Ready> make(Device& device) {
    Ready ready;
    BP_TRY(ready.queue, device.create_queue());
    BP_TRY(ready.memory, device.alloc(1024, "x"));
    BP_TRY(ready.plan, device.plan(*device.kernels()[0], bp_region{}));
    const std::array<bp_span, 2> args = {ready.memory.span(0, 16), ready.memory.span(64, 16)};
    const bp_span ws = ready.memory.span(256, 256);
    BP_TRY(ready.bound, ready.plan.bind(args, {&ws, 1}));
    return ready;
  }
  Status launch() {
    const int64_t n = 4;
    return bound.launch(queue, {&n, 1}, 1);
  }
};

std::string message_of(const auto& result) { return result.has_value() ? "no error" : result.error().message(); }

TEST(Guard, AnHonestOneIsFine) {
  const Liar liar("");
  ASSERT_TRUE(liar.device.has_value()) << message_of(liar.device);
  auto ready = Ready::make(*liar);
  ASSERT_TRUE(ready.has_value()) << message_of(ready);
  EXPECT_TRUE(ready->launch().has_value());
  EXPECT_TRUE((*liar).create_event().has_value());
  EXPECT_TRUE((*liar).layout_info(1, {}).has_value());
  EXPECT_NE(graph_extension(*liar), nullptr);
}

TEST(Guard, ADeviceThatBreaksTheContractIsNotOpened) {
  for (const char* lie : {"open.null", "open.fails", "open.size", "open.api", "heaps.past", "heaps.none", "heaps.size",
                          "heaps.huge", "heaps.bytes", "heaps.align"}) {
    const Liar liar(lie);
    ASSERT_FALSE(liar.device.has_value()) << lie;
    EXPECT_EQ(liar.device.error().code, ErrorCode::kDevice) << lie;
    EXPECT_THAT(message_of(liar.device), HasSubstr("liar:0: ")) << lie;
  }
  EXPECT_THAT(message_of(Liar("heaps.past").device),
              HasSubstr("plugin liar: heaps wrote past the 64 heaps asked for; report this to the plugin's author"));
  EXPECT_TRUE(Liar("heaps.many").device.has_value()) << "more than the host has room for is no lie";
}

// The lie, what makes it show, and what is said.
struct Case {
  const char* lie;
  std::string says;
};

TEST(Guard, NullAndCrookedPointersAreRefused) {
  for (const Case& c :
       {Case{"alloc.null", "plugin liar: mem_alloc gave no memory"},
        Case{"alloc.host", "plugin liar: mem_alloc gave host pointer 0x0 for \"x\", 1024 bytes of heap 0"},
        Case{"alloc.crooked", "plugin liar: mem_alloc gave host pointer 0x"},
        Case{"alloc.wraps", "plugin liar: mem_alloc gave host pointer 0xffff"},
        Case{"queue.null", "plugin liar: queue_create gave no queue"},
        Case{"plan.null", "plugin liar: plan of kernel liar.add_one gave no plan"},
        Case{"bind.null", "plugin liar: plan_bind gave no bound"}}) {
    const Liar liar(c.lie);
    ASSERT_TRUE(liar.device.has_value()) << c.lie;
    const auto ready = Ready::make(*liar);
    EXPECT_THAT(message_of(ready), AllOf(HasSubstr(c.says), HasSubstr("report this to the plugin's author"))) << c.lie;
    EXPECT_FALSE((*liar).fault().lost()) << c.lie;
  }
  EXPECT_THAT(message_of((*Liar("event.null")).create_event()), HasSubstr("event_create gave no event"));
  alignas(64) std::array<std::byte, 64> bytes{};
  EXPECT_THAT(message_of((*Liar("import.null")).import(bytes)), HasSubstr("mem_import gave no memory"));
}

TEST(Guard, AHostPointerOfMemoryThatTheHostDoesNotSeeIsNotUsed) {
  const Liar liar("alloc.hidden");
  const auto memory = (*liar).alloc(64, "x");
  ASSERT_TRUE(memory.has_value()) << message_of(memory);
  EXPECT_EQ(memory->host(), nullptr);
}

TEST(Guard, APlansNeedsAreWithinReason) {
  for (const Case& c :
       {Case{"plan.align", "wants a workspace of kind 0, 256 bytes aligned to 3"},
        Case{"plan.kind", "wants a workspace of kind 9"},
        Case{"plan.bytes", "18446744073709551615 bytes aligned to 64"},
        Case{"plan.internal", "says that a library keeps 18446744073709551615 bytes"},
        Case{"plan.more", "workspaces, then more"}, Case{"plan.past", "wrote past the room it was given"},
        Case{"plan.info", "wrote past the room it was given"}}) {
    const Liar liar(c.lie);
    const auto plan = (*liar).plan(*(*liar).kernels()[0], bp_region{});
    EXPECT_THAT(message_of(plan), AllOf(HasSubstr("plugin liar: plan of kernel liar.add_one "), HasSubstr(c.says)))
        << c.lie;
  }
}

TEST(Guard, TextsAndNumbersOfAPlanAreBounded) {
  const auto info_of = [](const char* lie) {
    const Liar liar(lie);
    const auto plan = (*liar).plan(*(*liar).kernels()[0], bp_region{});
    EXPECT_TRUE(plan.has_value()) << message_of(plan);
    return plan->info();
  };
  EXPECT_EQ(info_of("plan.endless").numerics, std::string(64, 'x'));
  EXPECT_EQ(info_of("plan.time").est_us, 0);
}

TEST(Guard, LayoutsAreWithinReason) {
  for (const char* lie : {"layout.none", "layout.bytes", "layout.align", "layout.workspace", "layout.rows"}) {
    const auto info = (*Liar(lie)).layout_info(1, {});
    EXPECT_THAT(message_of(info), HasSubstr("plugin liar: layout_info of ")) << lie;
  }
  EXPECT_THAT(message_of((*Liar("layout.past")).layout_info(1, {})), HasSubstr("layout_info wrote past the room"));
}

TEST(Guard, StatusAndScopeThatTheBorderLacksAreErrorsAllTheSame) {
  const auto launch = [](const char* lie, bool lost) {
    const Liar liar(lie);
    auto ready = Ready::make(*liar);
    EXPECT_TRUE(ready.has_value()) << message_of(ready);
    const Status status = ready->launch();
    EXPECT_EQ((*liar).fault().lost(), lost) << lie;
    return message_of(status);
  };
  EXPECT_EQ(launch("launch.status", false), "liar:0: launch failed: status 77, which plugin.h lacks");
  EXPECT_EQ(launch("launch.negative", false), "liar:0: launch failed: status -5, which plugin.h lacks");
  EXPECT_EQ(launch("launch.scope", true),
            "liar:0: launch failed: internal error: far away (native code 77, scope 9, which plugin.h lacks: taken for "
            "device); open the device again");
  EXPECT_THAT(launch("launch.lost", true), HasSubstr("scope device"));
  const std::string endless = launch("launch.endless", false);
  EXPECT_THAT(endless, HasSubstr("launch failed: internal error: ????"));
  EXPECT_LT(endless.size(), 700u);
}

TEST(Guard, AWaitThatDoesNotWaitIsAnError) {
  const Liar liar("sync.busy");
  Queue queue = (*liar).create_queue().value();
  EXPECT_THAT(message_of(queue.sync()), HasSubstr("queue_sync failed: busy"));
  EXPECT_EQ(queue.is_idle(), false);
}

TEST(Guard, ATimeThatCannotBeIsAnError) {
  const Liar liar("event.time");
  const Event begin = (*liar).create_event(true).value();
  const Event end = (*liar).create_event(true).value();
  EXPECT_THAT(message_of(end.elapsed_us_since(begin)), HasSubstr("plugin liar: event_elapsed says -1 microseconds"));
}

TEST(Guard, AnExtensionsTableIsReadAsFarAsItGoes) {
  for (const char* lie : {"ext.zero", "ext.smaller", "ext.huge", "ext.odd"})
    EXPECT_EQ(graph_extension(*Liar(lie)), nullptr) << lie;
  EXPECT_NE(graph_extension(*Liar("ext.larger")), nullptr);
}

TEST(Guard, AGraphThatIsNoneIsRefused) {
  for (const char* lie : {"graph.null", "graph.bytes"}) {
    const Liar liar(lie);
    Queue queue = (*liar).create_queue().value();
    auto recording = GraphRecording::begin(*liar, queue);
    ASSERT_TRUE(recording.has_value());
    EXPECT_THAT(message_of(recording->end()), HasSubstr("plugin liar: graph end ")) << lie;
  }
}

TEST(Guard, AQueueThatVerifiesSeesWhatACopyChanges) {
  const Liar liar("copy.flips");
  const Memory memory = (*liar).alloc(64, "x").value();
  std::array<std::byte, 8> bytes{};
  const bp_span from{nullptr, bytes.data(), 0, bytes.size()};
  const bp_span to = memory.span(0, bytes.size());
  Queue plain = (*liar).create_queue().value();
  EXPECT_TRUE(plain.copy({&to, 1}, {&from, 1}).has_value());
  Queue careful = (*liar).create_queue({.verify = true}).value();
  EXPECT_THAT(message_of(careful.copy({&to, 1}, {&from, 1})),
              HasSubstr("plugin liar: copy changed what it copied: byte 4 of 8 in piece 0 is 0x01, not 0x00"));
}

TEST(Guard, WhatWritesPastThePluginTableIsRefused) {
  const auto registry = PluginRegistry::discover(only({fake_path("overrun")}));
  EXPECT_EQ(registry->verdicts()[0].verdict, Verdict::kBadTable);
  EXPECT_THAT(registry->verdicts()[0].reason, HasSubstr("wrote past the 64 bytes of its plugin api"));
}

TEST(Guard, AfterAFaultOfAQueueItIsOnlyDestroyed) {
  auto registry = PluginRegistry::discover(only({fake_path("launch_fails")}));
  auto device = registry->open("launch_fails:0");
  ASSERT_TRUE(device.has_value());
  auto ready = Ready::make(**device);
  ASSERT_TRUE(ready.has_value()) << message_of(ready);
  EXPECT_THAT(message_of(ready->launch()), HasSubstr("out of luck"));
  EXPECT_THAT(message_of(ready->launch()), HasSubstr("launch refused: the queue is lost since \"launch failed"));
  EXPECT_THAT(message_of(ready->queue.sync(1)), HasSubstr("queue_sync refused"));
  EXPECT_FALSE((*device)->fault().lost());
  ready->queue = (*device)->create_queue().value();
  EXPECT_THAT(message_of(ready->launch()), HasSubstr("out of luck")) << "another queue is used";
}

}  // namespace
}  // namespace bp
