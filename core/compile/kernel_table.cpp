#include "compile/kernel_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace bp {
namespace {

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = text.find(separator);
    if (const auto part = trim(text.substr(0, end)); !part.empty()) parts.push_back(part);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

Result<int> slot_index(const Pattern& pattern, std::string_view name, std::string_view where) {
  if (const auto slot = pattern.find_slot(name)) return static_cast<int>(*slot);
  return fail(ErrorCode::kRefused, std::string(where), fmt::format("names no slot of the pattern ({})", name),
              fmt::format("use one of: {}", fmt::join(pattern.slot_names(), ", ")));
}

// "w=cpu.q8_0_r16@1|file; kv=a": accepted layouts by slot.
Status parse_layouts(const char* text, KernelRow& row) {
  row.layouts.resize(row.pattern.n_slots());
  if (text == nullptr) return {};
  for (const std::string_view term : split(text, ';')) {
    const size_t equals = term.find('=');
    if (equals == std::string_view::npos) {
      return fail(ErrorCode::kRefused, row.id, fmt::format("layouts term \"{}\" has no '='", term));
    }
    BP_TRY(const int slot, slot_index(row.pattern, trim(term.substr(0, equals)), row.id));
    for (const std::string_view name : split(term.substr(equals + 1), '|')) {
      row.layouts[static_cast<size_t>(slot)].emplace_back(name);
    }
  }
  return {};
}

// "y=x; s=residual": the output may take the input's storage.
Status parse_aliases(const char* text, KernelRow& row) {
  if (text == nullptr) return {};
  for (const std::string_view term : split(text, ';')) {
    const size_t equals = term.find('=');
    if (equals == std::string_view::npos) {
      return fail(ErrorCode::kRefused, row.id, fmt::format("alias term \"{}\" has no '='", term));
    }
    BP_TRY(const int output, slot_index(row.pattern, trim(term.substr(0, equals)), row.id));
    BP_TRY(const int input, slot_index(row.pattern, trim(term.substr(equals + 1)), row.id));
    row.aliases.emplace_back(output, input);
  }
  return {};
}

Result<KernelRow> parse_row(const bp_kernel& kernel) {
  KernelRow row;
  row.kernel = &kernel;
  row.id = kernel.id;
  BP_TRY(row.pattern, Pattern::parse(kernel.pattern, row.id));
  BP_TRY(row.guard, Guard::parse(kernel.where == nullptr ? "" : kernel.where, row.id, row.pattern));
  BP_TRY_VOID(parse_layouts(kernel.layouts, row));
  BP_TRY_VOID(parse_aliases(kernel.alias, row));
  return row;
}

bool listed(const std::vector<std::string>& ids, const std::string& id) {
  return std::ranges::find(ids, id) != ids.end();
}

}  // namespace

KernelTable KernelTable::create(std::span<const bp_kernel* const> kernels, const KernelSelection& selection) {
  KernelTable table;
  for (const bp_kernel* kernel : kernels) {
    const bool denied = listed(selection.deny, kernel->id);
    const bool forced = listed(selection.force, kernel->id);
    if (denied) table.rejected_.push_back({kernel->id, "denied by the configuration (kernels.deny)"});
    auto row = parse_row(*kernel);
    if (!row.has_value()) {
      if (!denied) table.rejected_.push_back({kernel->id, row.error().message()});
    } else if (denied) {
      table.denied_.push_back(std::move(*row));
    } else if ((kernel->flags & BP_K_EXPERIMENTAL) != 0 && !forced) {
      table.rejected_.push_back({kernel->id, "experimental: only where kernels.force names it"});
    } else {
      row->forced = forced;
      table.rows_.push_back(std::move(*row));
    }
  }
  for (const auto* ids : {&selection.deny, &selection.force}) {
    for (const std::string& id : *ids) {
      const bool known = std::ranges::any_of(kernels, [&](const bp_kernel* kernel) { return id == kernel->id; });
      if (!known && !listed(table.unknown_, id)) table.unknown_.push_back(id);
    }
  }
  std::ranges::stable_sort(table.rows_, [](const KernelRow& a, const KernelRow& b) {
    if (a.forced != b.forced) return a.forced;
    if (a.pattern.ops().size() != b.pattern.ops().size()) return a.pattern.ops().size() > b.pattern.ops().size();
    return a.kernel->priority > b.kernel->priority;
  });
  return table;
}

}  // namespace bp
