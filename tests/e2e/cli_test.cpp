#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/mapped_file.h"
#include "program.h"

namespace bp::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kGolden = BP_SOURCE_DIR "/tests/goldens/data/llama";
const std::string kIds = "[1, 5, 9, 200, 17, 3, 44, 8]";

TEST(Cli, EveryCommandHasHelpWithAnExample) {
  EXPECT_EQ(run({"--help"}).exit_code, 0);
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{"run"},
                                                                                       {"eval"},
                                                                                       {"embed"},
                                                                                       {"tokenize"},
                                                                                       {"detokenize"},
                                                                                       {"template"},
                                                                                       {"devices"},
                                                                                       {"plugins", "list"},
                                                                                       {"bench"},
                                                                                       {"profile"},
                                                                                       {"explain"},
                                                                                       {"tune"},
                                                                                       {"plan"},
                                                                                       {"pull"},
                                                                                       {"list"},
                                                                                       {"rm"},
                                                                                       {"convert"},
                                                                                       {"quantize"},
                                                                                       {"config", "show"},
                                                                                       {"config", "check"},
                                                                                       {"config", "docs"},
                                                                                       {"new-plugin"}}) {
    auto args = command;
    args.push_back("--help");
    const Outcome help = run(args);
    EXPECT_EQ(help.exit_code, 0) << command[0];
    EXPECT_THAT(help.out, HasSubstr("Example:")) << command[0];
    EXPECT_THAT(help.out, HasSubstr("backplane " + command[0])) << command[0];
    EXPECT_THAT(help.out, HasSubstr("--json")) << command[0];
  }
}

TEST(Cli, WrongUsageIsTwo) {
  EXPECT_EQ(run({}).exit_code, 2);
  EXPECT_EQ(run({"frobnicate"}).exit_code, 2);
  EXPECT_EQ(run({"eval", kGolden}).exit_code, 2);
  EXPECT_EQ(run({"eval", kGolden, "--tokens", write_temp("bad.json", "[1, \"x\"]")}).exit_code, 2);
  EXPECT_EQ(run({"eval", kGolden, "--tokens", write_temp("large.json", "[1, 99999]")}).exit_code, 2);
  const Outcome json = run({"eval", kGolden, "--json"});
  EXPECT_EQ(json.exit_code, 2);
  EXPECT_EQ(json.document().at("error").at("code").as_string(), "usage");
}

TEST(Cli, DevicesListsTheCpuAndTheReference) {
  const Outcome devices = run({"devices", "--json"});
  ASSERT_EQ(devices.exit_code, 0) << devices.err;
  std::vector<std::string> ids;
  const json::value document = devices.document();
  for (const auto& device : document.at("devices").as_array()) {
    ids.emplace_back(device.at("id").as_string());
    for (const char* key : {"name", "plugin", "memory_bytes", "score", "why"})
      EXPECT_TRUE(device.as_object().contains(key));
  }
  EXPECT_THAT(ids, testing::ElementsAre("cpu:0", "reference"));
}

TEST(Cli, PluginsListGivesEachFileAVerdict) {
  const std::string folder = write_temp("no_plugin.so", "this is text");
  const std::string dir = folder.substr(0, folder.rfind('/'));
  const Outcome plugins = run({"plugins", "list", "--json", "--plugin-dir", dir});
  ASSERT_EQ(plugins.exit_code, 0) << plugins.err;
  std::map<std::string, std::string> verdicts;
  const json::value document = plugins.document();
  for (const auto& plugin : document.at("plugins").as_array()) {
    const std::string file(plugin.at("file").as_string());
    verdicts[file.substr(file.rfind('/') + 1)] = plugin.at("verdict").as_string();
  }
  EXPECT_EQ(verdicts["cpu.so"], "OK");
  EXPECT_EQ(verdicts["no_plugin.so"], "NOT_ELF");
}

TEST(Cli, AMissingDeviceSaysWhatWasFound) {
  const Outcome outcome = run({"eval", kGolden, "--tokens", write_temp("ids.json", kIds), "--device", "cuda:0"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("cuda:0"));
  EXPECT_THAT(outcome.err, HasSubstr("cpu:0"));
}

TEST(Cli, EvalWritesLogitsAndContinuesGreedily) {
  const std::string npy = write_temp("out.npy", "");
  std::vector<std::string> greedy;
  for (const char* device : {"reference", "cpu:0"}) {
    for (const char* chunk : {"0", "1", "3"}) {
      const Outcome outcome = run({"eval", kGolden, "--tokens", write_temp("ids.json", kIds), "--logits", npy,
                                   "--greedy", "5", "--chunk", chunk, "--device", device, "--json"});
      ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
      const json::value document = outcome.document();
      const auto& list = document.at("lists").at(0);
      EXPECT_EQ(list.at("n_tokens").as_int64(), 8);
      EXPECT_EQ(list.at("greedy").as_array().size(), 5u);
      greedy.push_back(write_json(list.at("greedy")));
      const auto file = MappedFile::open(npy);
      ASSERT_TRUE(file.has_value());
      const std::string_view bytes(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
      EXPECT_THAT(bytes, StartsWith("\x93NUMPY"));
      EXPECT_THAT(std::string(bytes.substr(0, 128)), HasSubstr("(8, 256)"));
      EXPECT_EQ(bytes.size() % 64, 0u);
      EXPECT_EQ(bytes.size(), 128 + 8 * 256 * 4u);
    }
  }
  EXPECT_THAT(greedy, testing::Each(greedy.front()));
}

TEST(Cli, EvalRunsManyListsTogetherInOrder) {
  std::string lines;
  for (int i = 1; i <= 6; ++i) {
    lines += "[";
    for (int t = 0; t < i * 3; ++t) lines += (t > 0 ? ", " : "") + std::to_string((i * 37 + t * 11) % 256);
    lines += "]\n";
  }
  const std::string file = write_temp("lists.jsonl", lines);
  const Outcome together = run({"eval", kGolden, "--tokens", file, "--greedy", "4", "--batch", "4", "--json"});
  const Outcome alone = run({"eval", kGolden, "--tokens", file, "--greedy", "4", "--json"});
  ASSERT_EQ(together.exit_code, 0) << together.err;
  EXPECT_EQ(together.out, alone.out);
}

// Signals reach the program alone, not those it started.
TEST(Cli, InterruptedIsOneHundredThirty) {
  const std::string cache = testing::TempDir() + "/backplane_interrupt_" + std::to_string(::getpid());
  const std::string place = "models.cache_dir=" + cache;
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"bench", kGolden, "--device", "cpu:0", "-r", "1000", "--json"},
           {"bench", "ops", kGolden, "--device", "cpu:0", "--tokens", "512", "-r", "1000", "--json"},
           {"plan", kGolden, "--device", "cpu:0", "--measure", "--set", place, "--json"}}) {
    const Outcome outcome = run_interrupted(args);
    EXPECT_EQ(outcome.exit_code, 130) << args[0] << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("interrupted")) << args[0];
    EXPECT_EQ(outcome.document().at("error").at("code").as_string(), "interrupted") << args[0];
  }
  const Outcome tuned = run_interrupted(
      {"tune", kGolden, "--device", "cpu:0", "--set", place, "--repeats", "2", "--least-ms", "2", "--json"},
      "problems");
  EXPECT_EQ(tuned.exit_code, 130) << tuned.err;
  EXPECT_EQ(tuned.document().at("error").at("code").as_string(), "interrupted");
  std::filesystem::remove_all(cache);
}

TEST(Cli, ATraceShowsEachOpLaunchedOnceAStep) {
  const std::string lists = write_temp("trace.jsonl", "[1,2,3]\n[4,5,6,7]\n[8]\n");
  const Outcome outcome = run({"eval", kGolden, "--tokens", lists, "--greedy", "2", "--batch", "3", "--device", "cpu:0",
                               "--log-level", "trace"});
  ASSERT_EQ(outcome.exit_code, 0);
  std::map<std::string, int> launches;
  std::istringstream lines(outcome.err);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" launch ") != std::string::npos) ++launches[line];
  }
  EXPECT_FALSE(launches.empty());
  for (const auto& [line, count] : launches) EXPECT_EQ(count, 1) << line;
}

// tests/fakes/faulty.c: the CPU plugin with faults on demand.
Outcome eval_on_faulty(const std::vector<std::string>& settings) {
  std::vector<std::string> args = {"eval",     kGolden,    "--tokens",     write_temp("ids.json", kIds),
                                   "--greedy", "4",        "--plugin-dir", BP_BUILD_DIR "/tests/fakes/wrapping",
                                   "--device", "faulty:0", "--json"};
  for (const std::string& setting : settings) args.insert(args.end(), {"--set", setting});
  return run(args);
}

TEST(Cli, AFaultOfTheDeviceIsFourAndNamesTheLaunch) {
  const auto message = [](const std::vector<std::string>& settings) {
    const Outcome outcome = eval_on_faulty(settings);
    EXPECT_EQ(outcome.exit_code, 4) << outcome.err;
    const json::value document = outcome.document();
    EXPECT_EQ(document.at("error").at("code").as_string(), "device");
    return std::string(document.at("error").at("where").as_string()) + ": " +
           std::string(document.at("error").at("what").as_string());
  };
  const std::string attention = "plugin.faulty.kernel=attention";
  EXPECT_THAT(message({"plugin.faulty.fail=lost", "plugin.faulty.at=3", attention}),
              AllOf(HasSubstr("faulty:0 node blk."), HasSubstr("the fake fell off the bus")));
  EXPECT_THAT(message({"plugin.faulty.fail=sync", "plugin.faulty.at=8", "device.timeout=50ms", "engine.overlap=false"}),
              HasSubstr("queue_sync failed: timeout"));
  EXPECT_THAT(message({"plugin.faulty.fail=kernel", "plugin.faulty.at=2", attention, "engine.strict=true"}),
              AllOf(HasSubstr("faulty:0 node blk."), HasSubstr("attention"), HasSubstr("the reference ")));
  EXPECT_EQ(eval_on_faulty({"engine.strict=true"}).exit_code, 0);
  const Outcome memory = eval_on_faulty({"plugin.faulty.fail=alloc", "plugin.faulty.at=12"});
  EXPECT_EQ(memory.exit_code, 4) << memory.err;
}

TEST(Cli, RefusedModelsAreThree) {
  const std::string cut = write_temp("cut.gguf", "GGUF\x03");
  const std::string text = write_temp("text.gguf", "hello");
  for (const std::string& path : {cut, text, std::string("/nonexistent/model.gguf")}) {
    const Outcome outcome = run({"eval", path, "--tokens", write_temp("ids.json", kIds)});
    EXPECT_EQ(outcome.exit_code, 3) << path;
    EXPECT_THAT(outcome.err, HasSubstr("backplane: "));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

TEST(Cli, ConfigProblemsAreToldAllAtOnce) {
  const std::string file =
      write_temp("bad.toml", "[kv]\npage_size = 24\npage_sise = 16\n[engine]\nmax_seqs = \"many\"\n");
  const Outcome check = run({"config", "check", "--config", file});
  EXPECT_EQ(check.exit_code, 2);
  for (const char* part : {":2:", ":3:", ":5:", "page_sise", "page_size", "max_seqs"})
    EXPECT_THAT(check.out, HasSubstr(part));
  const Outcome show = run({"config", "show", "--config", file, "--json"});
  EXPECT_EQ(show.exit_code, 2);
  EXPECT_EQ(show.document().at("error").at("code").as_string(), "config");
}

TEST(Cli, ConfigShowSaysWhereEachValueCameFrom) {
  const std::string file = write_temp("good.toml", "[kv]\npage_size = 32\n[plugin.cpu]\nthreads = 1\n");
  const Outcome show = run({"config", "show", "--config", file, "--log-level", "info"});
  ASSERT_EQ(show.exit_code, 0) << show.err;
  EXPECT_THAT(show.out, HasSubstr("kv.page_size = 32"));
  EXPECT_THAT(show.out, HasSubstr("plugin.cpu.threads = 1"));
  EXPECT_THAT(show.out, HasSubstr("command line"));
}

TEST(Cli, PluginOptionsAreChecked) {
  const std::string file = write_temp("plugin.toml", "[plugin.cpu]\nthread = 1\n");
  const Outcome outcome = run({"devices", "--config", file});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("threads"));
}

TEST(Cli, AllowedPluginsAloneAreLoaded) {
  const std::string file = write_temp("allow.toml", "[plugins]\nallow = [\"other\"]\n");
  const Outcome outcome = run({"devices", "--config", file, "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.document().at("devices").as_array().size(), 1u);
}

// That what it writes builds and runs, install.SdkBuildsTheTemplate shows.
TEST(Cli, NewPluginWritesAFolderOnceAndNamesTheNextCommands) {
  const std::filesystem::path parent = std::filesystem::path(testing::TempDir()) / "new_plugins";
  std::filesystem::remove_all(parent);
  const Outcome made = run({"new-plugin", "tiny_chip", "--dir", parent.string(), "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.document().at("path").as_string(), (parent / "tiny_chip").string());
  std::ifstream in(parent / "tiny_chip/plugin.cpp");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, HasSubstr("\"tiny_chip:0\""));
  EXPECT_THAT(text, testing::Not(HasSubstr("mychip")));
  const json::value document = made.document();
  const auto& next = document.at("next").as_array();
  EXPECT_THAT(std::string(next.back().as_string()), HasSubstr("build/tiny_chip.so"));
  const Outcome again = run({"new-plugin", "tiny_chip", "--dir", parent.string()});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("exists already"));
  std::filesystem::remove_all(parent);
}

TEST(Cli, NewPluginRefusesNamesThatNoPluginCanHave) {
  for (const char* name : {"", "Chip", "1chip", "a-b", "../up", "a_name_too_long", "cpu", "reference", "auto"}) {
    const Outcome outcome = run({"new-plugin", name, "--dir", testing::TempDir()});
    EXPECT_EQ(outcome.exit_code, 2) << name;
    EXPECT_THAT(outcome.err, HasSubstr("name")) << name;
  }
}

TEST(Cli, TemplatesRenderFromAFile) {
  const std::string file =
      write_temp("t.jinja", "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{{ bos_token }}");
  const Outcome outcome =
      run({"template", "--file", file, "--bos-token", "<s>"},
          "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi {{ 1 }}\"}]}\n{\"messages\": []}\n");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "\"[user]Hi {{ 1 }}<s>\"\n\"<s>\"\n");
}

}  // namespace
}  // namespace bp::e2e
