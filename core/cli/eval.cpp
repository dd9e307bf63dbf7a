// backplane eval MODEL --tokens FILE | --text FILE
#include <fmt/format.h>

#include <cmath>

#include "base/mapped_file.h"
#include "cli/command.h"
#include "cli/host.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "model/importance.h"

namespace bp::cli {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;
// With an importance matrix: what goes into every product is kept until the step's end.
constexpr int kImportanceTokens = 128;
constexpr int kImportanceWindow = 512;

struct EvalFlags {
  std::string model, tokens, text, logits, importance;
  int greedy = 0;
  int chunk = 0;
  int batch = 1;
  int window = 0;
};

using TokenLists = std::vector<std::vector<int32_t>>;

Result<std::vector<int32_t>> to_ids(const json::value& value, const std::string& where) {
  const auto bad = [&](const char* what) {
    return fail(ErrorCode::kUsage, where, what, "write [1, 2, 3], or one such list a line");
  };
  if (!value.is_array()) return bad("is not a list of token ids");
  std::vector<int32_t> ids;
  for (const json::value& item : value.get_array()) {
    if (!item.is_int64() || item.get_int64() < 0 || item.get_int64() > INT32_MAX)
      return bad("holds what is no token id");
    ids.push_back(static_cast<int32_t>(item.get_int64()));
  }
  if (ids.empty()) return bad("holds an empty list");
  return ids;
}

// One list, or JSON lines of lists.
Result<TokenLists> read_token_lists(const std::string& path) {
  BP_TRY(const std::string text, read_text_file(path, kMaxFileBytes));
  TokenLists lists;
  if (const auto whole = parse_json(text, path); whole.has_value()) {
    BP_TRY(lists.emplace_back(), to_ids(*whole, path));
    return lists;
  }
  size_t line_number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = fmt::format("{}:{}", path, line_number);
    BP_TRY(const json::value value, parse_json(line, where));
    BP_TRY(lists.emplace_back(), to_ids(value, where));
  }
  if (lists.empty())
    return fail(ErrorCode::kUsage, path, "holds no list of token ids", "write [1, 2, 3], or one such list a line");
  return lists;
}

// Runs all lists, `batch` at a time, and collects what each continues with.
Result<TokenLists> run_lists(Engine& engine, const TokenLists& lists, const EvalFlags& flags, bool logits) {
  TokenLists generated(lists.size());
  for (const auto& list : lists) {
    Request request;
    request.prompt = list;
    request.max_new_tokens = flags.greedy;
    request.all_logits = logits;
    BP_TRY_VOID(engine.add(std::move(request)));
  }
  while (!engine.idle()) {
    if (interrupted()) return fail(ErrorCode::kInterrupted, "eval", "interrupted");
    BP_TRY(const auto events, engine.step());
    for (const TokenEvent& event : events) {
      if (flags.greedy > 0) generated[static_cast<size_t>(event.sequence)].push_back(event.token);
    }
  }
  return generated;
}

// Negative log-likelihood of `target` under one row of logits.
double surprise(std::span<const float> row, int32_t target) {
  const float most = *std::ranges::max_element(row);
  double sum = 0;
  for (const float x : row) sum += std::exp(static_cast<double>(x) - most);
  return std::log(sum) + most - static_cast<double>(row[static_cast<size_t>(target)]);
}

int window_of(const RunningModel& running, const EvalFlags& flags) {
  const int context = running.engine->max_context();
  if (flags.window > 0) return std::min(flags.window, context);
  return flags.importance.empty() ? context : std::min(kImportanceWindow, context);
}

// Windows of the context length; each begins with BOS where the model adds one, and its second half is scored.
Result<double> perplexity(RunningModel& running, const EvalFlags& flags) {
  BP_TRY(const TextModel text, load_text_model(*running.model));
  BP_TRY(const std::string content, read_text_file(flags.text, kMaxFileBytes));
  const std::vector<TokenId> all = text.tokenizer.encode(content, {.add_special = false, .parse_special = false});
  const std::vector<TokenId> prefix = text.tokenizer.encode("", {.add_special = true, .parse_special = false});
  const bool bos = !prefix.empty() && text.tokenizer.bos() && prefix.front() == *text.tokenizer.bos();
  const int window = window_of(running, flags);
  const size_t body = static_cast<size_t>(window) - (bos ? 1 : 0);
  TokenLists lists;
  for (size_t at = 0; at + body <= all.size() || (at == 0 && all.size() >= 2); at += body) {
    std::vector<int32_t> list;
    if (bos) list.push_back(*text.tokenizer.bos());
    list.insert(list.end(), all.begin() + static_cast<ptrdiff_t>(at),
                all.begin() + static_cast<ptrdiff_t>(std::min(at + body, all.size())));
    lists.push_back(std::move(list));
  }
  if (lists.empty())
    return fail(ErrorCode::kUsage, flags.text, "is too short to score (fewer than 2 tokens)", "give a longer text");
  double total = 0;
  uint64_t n_scored = 0;
  const auto vocab = static_cast<size_t>(running.model->config().vocab);
  running.engine->set_logits_sink([&](SequenceId id, int position, std::span<const float> rows) {
    const auto& list = lists[static_cast<size_t>(id)];
    for (size_t r = 0; r * vocab < rows.size(); ++r) {
      const size_t next = static_cast<size_t>(position) + r + 1;
      if (next < std::max<size_t>(list.size() / 2, 1) || next >= list.size()) continue;
      total += surprise(rows.subspan(r * vocab, vocab), list[next]);
      ++n_scored;
    }
  });
  BP_TRY_VOID(run_lists(*running.engine, lists, flags, true));
  return std::exp(total / static_cast<double>(n_scored));
}

Status write_logits(Engine& engine, const TokenLists& lists, const EvalFlags& flags, size_t vocab,
                    TokenLists& generated) {
  std::vector<uint64_t> first_row;
  uint64_t n_rows = 0;
  for (const auto& list : lists) {
    first_row.push_back(n_rows);
    n_rows += list.size();
  }
  BP_TRY(NpyWriter writer, NpyWriter::create(flags.logits, n_rows, vocab));
  Status written;
  engine.set_logits_sink([&](SequenceId id, int position, std::span<const float> rows) {
    const auto list = static_cast<size_t>(id);
    if (!written.has_value() || static_cast<size_t>(position) >= lists[list].size()) return;  // of generated tokens
    written = writer.write_rows(first_row[list] + static_cast<uint64_t>(position), rows);
  });
  BP_TRY(generated, run_lists(engine, lists, flags, true));
  BP_TRY_VOID(written);
  return writer.close();
}

// What the products of the model were given, for `backplane quantize --imatrix`.
Status write_watched(RunningModel& running, const EvalFlags& flags) {
  ImportanceMatrix matrix = *running.engine->executor().importance();
  const int window = window_of(running, flags);
  int64_t most = 0;
  for (const auto& [name, importance] : matrix.weights) {
    for (const int64_t count : importance.counts) most = std::max(most, count);
  }
  matrix.dataset = flags.text;
  matrix.chunk_tokens = window;
  matrix.n_chunks = (most + window - 1) / window;
  return write_importance(flags.importance, matrix);
}

// One row of [n_lists, hidden] for each list.
Status eval_encoder(Host& host, RunningModel& running, const TokenLists& lists, const EvalFlags& flags, bool json) {
  for (const auto& [given, name] :
       {std::pair(!flags.text.empty(), "--text"), std::pair(flags.greedy > 0, "--greedy"),
        std::pair(flags.chunk > 0, "--chunk"), std::pair(flags.logits.empty(), "eval without --logits")}) {
    if (!given) continue;
    return fail(ErrorCode::kUsage, flags.model, fmt::format("is an encoder, for which {} means nothing", name),
                "use --tokens with --logits, which writes an embedding for each list");
  }
  BP_TRY_VOID(start_embedder(host, running, [&](EngineOptions& options) { options.max_seqs = flags.batch; }));
  std::vector<std::vector<float>> rows;
  const auto batch = static_cast<size_t>(flags.batch);
  for (size_t i = 0; i < lists.size(); i += batch) {
    if (interrupted()) return fail(ErrorCode::kInterrupted, "eval", "interrupted");
    BP_TRY(auto some, running.embedder->embed(std::span(lists).subspan(i, std::min(batch, lists.size() - i))));
    std::ranges::move(some, std::back_inserter(rows));
  }
  const auto hidden = static_cast<uint64_t>(running.model->config().hidden);
  BP_TRY(NpyWriter writer, NpyWriter::create(flags.logits, rows.size(), hidden));
  json::array told;
  std::string text;
  for (size_t i = 0; i < rows.size(); ++i) {
    BP_TRY_VOID(writer.write_rows(i, rows[i]));
    told.push_back(json::object{{"n_tokens", lists[i].size()}, {"greedy", json::array{}}});
    text += fmt::format("{} tokens; an embedding of {}\n", lists[i].size(), rows[i].size());
  }
  BP_TRY_VOID(writer.close());
  return json ? print_json(json::object{{"lists", told}}) : print(text);
}

Status eval(const GlobalOptions& global, const EvalFlags& flags) {
  if (flags.tokens.empty() == flags.text.empty()) {
    return fail(ErrorCode::kUsage, "eval", "needs either --tokens or --text", "name one file");
  }
  if (!flags.text.empty() && (!flags.logits.empty() || flags.greedy > 0)) {
    return fail(ErrorCode::kUsage, "eval", "--text gives perplexity only", "use --tokens with --logits and --greedy");
  }
  if (!flags.importance.empty() && flags.text.empty()) {
    return fail(ErrorCode::kUsage, "eval", "--imatrix needs a text to watch the model on", "add --text FILE");
  }
  TokenLists lists;
  if (!flags.tokens.empty()) {
    BP_TRY(lists, read_token_lists(flags.tokens));
  }
  BP_TRY(const auto host, Host::create(global));
  const bool logits = !flags.logits.empty() || !flags.text.empty();
  const bool importance = !flags.importance.empty();
  BP_TRY(RunningModel running, open_model(*host, flags.model));
  if (running.is_encoder()) return eval_encoder(*host, running, lists, flags, global.json);
  BP_TRY_VOID(start_engine(*host, running, [&](EngineOptions& options) {
    options.max_seqs = flags.batch;
    options.max_chunk = flags.chunk;
    options.importance = importance;
    if (importance) {
      options.act_dtype = DType::kF32;
      options.max_batch_tokens = std::min(options.max_batch_tokens, kImportanceTokens);
      options.buckets.clear();
    }
    if (logits) options.max_outputs = std::max(options.max_batch_tokens, options.max_seqs);
  }));
  json::object document;
  std::string text;
  if (!flags.text.empty()) {
    BP_TRY(const double value, perplexity(running, flags));
    if (importance) BP_TRY_VOID(write_watched(running, flags));
    document = {{"lists", json::array{}}, {"perplexity", value}};
    text = fmt::format("perplexity {:.4f}\n", value);
  } else {
    TokenLists generated;
    if (logits) {
      BP_TRY_VOID(
          write_logits(*running.engine, lists, flags, static_cast<size_t>(running.model->config().vocab), generated));
    } else {
      BP_TRY(generated, run_lists(*running.engine, lists, flags, false));
    }
    json::array rows;
    for (size_t i = 0; i < lists.size(); ++i) {
      rows.push_back(json::object{{"n_tokens", lists[i].size()},
                                  {"greedy", json::array(generated[i].begin(), generated[i].end())}});
      text += fmt::format("{} tokens; greedy: {}\n", lists[i].size(), fmt::join(generated[i], " "));
    }
    document = {{"lists", rows}};
  }
  return global.json ? print_json(document) : print(text);
}

}  // namespace

void add_eval(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* command = add_command(app, invocation, "eval", "Logits, greedy continuations and perplexity",
                                  "backplane eval model.gguf --tokens ids.json --logits out.npy --greedy 8 --json");
  command->add_option("model", flags->model, "A GGUF file, a Hugging Face folder, or a name of the zoo")->required();
  command->add_option("--tokens", flags->tokens, "Token ids: [1,2,3], or one such list a line")->type_name("FILE");
  command->add_option("--text", flags->text, "Text whose perplexity is computed")->type_name("FILE");
  command
      ->add_option("--logits", flags->logits, "Write [n_tokens, vocab] float32 here; of an encoder [n_lists, hidden]")
      ->type_name("OUT.npy");
  command->add_option("--imatrix", flags->importance, "Write here what --text puts into the model's matrices")
      ->type_name("OUT");
  command->add_option("--greedy", flags->greedy, "Continue each list by so many tokens")->check(CLI::Range(0, 1 << 30));
  command->add_option("--chunk", flags->chunk, "Feed so many tokens at a time; 0: as many as fit")
      ->check(CLI::Range(0, 1 << 30));
  command->add_option("--batch", flags->batch, "Run so many lists together")->check(CLI::Range(1, 4096));
  command->add_option("--window", flags->window, "Tokens in a window of --text; 0: the context")
      ->check(CLI::Range(0, 1 << 30));
  command->callback([flags, &invocation] {
    invocation.work = [flags](const GlobalOptions& global) { return eval(global, *flags); };
  });
}

}  // namespace bp::cli
