#include "model/torch_pickle.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <unordered_map>

#include "model/pickle_cursor.h"
#include "model/pickle_stack.h"

namespace bp {
namespace {

constexpr size_t kMaxPickleBytes = size_t{64} << 20;
constexpr size_t kMaxDims = 8;

struct Storage {
  DType dtype = DType::kInvalid;
  std::string_view key;
  uint64_t n_elements = 0;  // bytes where dtype is kInvalid
};

// Opcodes that build objects of any class, or fetch what only the writer knows: named in the refusal.
std::string_view opcode_name(uint8_t opcode) {
  switch (opcode) {
    case 'i':
      return "INST";
    case 'o':
      return "OBJ";
    case 'P':
      return "PERSID";
    case 0x81:
      return "NEWOBJ";
    case 0x82:
    case 0x83:
    case 0x84:
      return "EXT";
    case 0x92:
      return "NEWOBJ_EX";
    default:
      return "not needed for tensors";
  }
}

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& where)
      : cursor_(bytes, where), where_(where), stack_(where) {}

  Result<std::vector<PickledTensor>> run() {
    if (cursor_.size() > kMaxPickleBytes) {
      return refuse(fmt::format("is a pickle of {} bytes, of at most {}", cursor_.size(), kMaxPickleBytes));
    }
    for (done_ = false; !done_;) BP_TRY_VOID(step());
    BP_TRY(const PickleId result, stack_.pop());
    if (!stack_.empty()) return refuse("ends with more than one object");
    return collect(result);
  }

 private:
  std::unexpected<Error> refuse(std::string what) const {
    return fail(ErrorCode::kRefused, where_, std::move(what),
                "only tensors are read from PyTorch files; convert the model to safetensors");
  }

  Status step();
  Status step_text_or_number(uint8_t opcode);
  Status step_container(uint8_t opcode);
  Status step_call(uint8_t opcode);

  Status push_tuple(const Result<PickleStack::Ids>& items) {
    if (!items) return std::unexpected(items.error());
    return stack_.push(PickleNode(PickleKind::kTuple, *items));
  }
  Status append(PickleKind container, const Result<PickleStack::Ids>& items) {
    if (!items) return std::unexpected(items.error());
    return stack_.append(container, *items);
  }

  // Globals, and what calling them means
  Status push_global(std::string_view module, std::string_view name) {
    const std::string full = fmt::format("{}.{}", module, name);
    const TorchGlobalEntry* entry = find_torch_global(full);
    if (entry == nullptr) return refuse(fmt::format("asks for {}", full));
    return stack_.push(PickleNode(entry));
  }
  Status stack_global() {
    BP_TRY(const PickleId name, stack_.pop());
    BP_TRY(const PickleId module, stack_.pop());
    if (stack_[name].kind != PickleKind::kText || stack_[module].kind != PickleKind::kText)
      return refuse("asks for a nameless global");
    return push_global(stack_[module].text, stack_[name].text);
  }
  Status reduce();
  Status push_storage();
  Status rebuild_tensor(const PickleStack::Ids& arguments, bool has_dtype);
  const TorchGlobalEntry* global_of(PickleId id) const { return stack_[id].global; }
  std::optional<std::vector<int64_t>> integers(PickleId id) const;

  Result<std::vector<PickledTensor>> collect(PickleId root) const;
  Result<std::vector<PickledTensor>> tensors_of(PickleId dict) const;

  PickleCursor cursor_;
  const std::string& where_;
  size_t opcode_at_ = 0;
  bool done_ = false;
  PickleStack stack_;
  std::vector<Storage> storages_;
  std::vector<PickledTensor> tensors_;
};

Status Machine::step() {
  opcode_at_ = cursor_.at();
  BP_TRY(const auto opcode, cursor_.number<uint8_t>());
  switch (opcode) {
    case 0x80: {  // PROTO
      BP_TRY(const auto version, cursor_.number<uint8_t>());
      if (version < 2 || version > 5) return refuse(fmt::format("is a pickle of protocol {}", version));
      return {};
    }
    case 0x95:  // FRAME
      BP_TRY_VOID(cursor_.number<uint64_t>());
      return {};
    case '.':
      done_ = true;
      return {};
    case '(':
      return stack_.mark();
    case '0':  // POP
      BP_TRY_VOID(stack_.pop());
      return {};
    case 'q': {  // BINPUT
      BP_TRY(const auto index, cursor_.number<uint8_t>());
      return stack_.memoize(index);
    }
    case 'r': {  // LONG_BINPUT
      BP_TRY(const auto index, cursor_.number<uint32_t>());
      return stack_.memoize(index);
    }
    case 0x94:
      return stack_.memoize_next();
    case 'h': {
      BP_TRY(const auto index, cursor_.number<uint8_t>());
      return stack_.recall(index);
    }
    case 'j': {
      BP_TRY(const auto index, cursor_.number<uint32_t>());
      return stack_.recall(index);
    }
    default:
      return step_text_or_number(opcode);
  }
}

Status Machine::step_text_or_number(uint8_t opcode) {
  switch (opcode) {
    case 'N':
      return stack_.push(PickleNode(PickleKind::kNone, 0));
    case 0x88:
      return stack_.push(PickleNode(PickleKind::kBool, 1));
    case 0x89:
      return stack_.push(PickleNode(PickleKind::kBool, 0));
    case 'J': {
      BP_TRY(const auto value, cursor_.number<int32_t>());
      return stack_.push(PickleNode(PickleKind::kInteger, value));
    }
    case 'K': {
      BP_TRY(const auto value, cursor_.number<uint8_t>());
      return stack_.push(PickleNode(PickleKind::kInteger, value));
    }
    case 'M': {
      BP_TRY(const auto value, cursor_.number<uint16_t>());
      return stack_.push(PickleNode(PickleKind::kInteger, value));
    }
    case 0x8a: {  // LONG1: little-endian, two's complement
      BP_TRY(const auto bytes, cursor_.counted<uint8_t>());
      if (bytes.size() > sizeof(int64_t)) return stack_.push(PickleNode(PickleKind::kOther, 0));
      uint64_t value = !bytes.empty() && (bytes.back() & 0x80) != 0 ? UINT64_MAX : 0;
      std::memcpy(&value, bytes.data(), bytes.size());
      return stack_.push(PickleNode(PickleKind::kInteger, static_cast<int64_t>(value)));
    }
    case 'G':
      BP_TRY_VOID(cursor_.number<uint64_t>());
      return stack_.push(PickleNode(PickleKind::kOther, 0));
    case 'X':
    case 'T': {  // BINUNICODE, BINSTRING
      BP_TRY(const auto text, cursor_.counted<uint32_t>());
      return stack_.push(PickleNode(text));
    }
    case 0x8c:
    case 'U': {  // SHORT_BINUNICODE, SHORT_BINSTRING
      BP_TRY(const auto text, cursor_.counted<uint8_t>());
      return stack_.push(PickleNode(text));
    }
    case 0x8d: {  // BINUNICODE8
      BP_TRY(const auto text, cursor_.counted<uint64_t>());
      return stack_.push(PickleNode(text));
    }
    case 'B':
      BP_TRY_VOID(cursor_.counted<uint32_t>());
      return stack_.push(PickleNode(PickleKind::kOther, 0));
    case 'C':
      BP_TRY_VOID(cursor_.counted<uint8_t>());
      return stack_.push(PickleNode(PickleKind::kOther, 0));
    default:
      return step_container(opcode);
  }
}

Status Machine::step_container(uint8_t opcode) {
  switch (opcode) {
    case ')':
      return push_tuple(stack_.pop_many(0));
    case 0x85:
    case 0x86:
    case 0x87:
      return push_tuple(stack_.pop_many(opcode - 0x84u));
    case 't':
      return push_tuple(stack_.pop_to_mark());
    case ']':
      return stack_.push(PickleNode(PickleKind::kList, PickleStack::Ids()));
    case '}':
      return stack_.push(PickleNode(PickleKind::kDict, PickleStack::Ids()));
    case 'a':
      return append(PickleKind::kList, stack_.pop_many(1));
    case 's':
      return append(PickleKind::kDict, stack_.pop_many(2));
    case 'e':
      return append(PickleKind::kList, stack_.pop_to_mark());
    case 'u':
      return append(PickleKind::kDict, stack_.pop_to_mark());
    default:
      return step_call(opcode);
  }
}

Status Machine::step_call(uint8_t opcode) {
  switch (opcode) {
    case 'c': {
      BP_TRY(const auto module, cursor_.line());
      BP_TRY(const auto name, cursor_.line());
      return push_global(module, name);
    }
    case 0x93:
      return stack_global();
    case 'R':
      return reduce();
    case 'Q':
      return push_storage();
    case 'b': {  // BUILD: a state dict carries its version numbers as attributes
      BP_TRY_VOID(stack_.pop());
      BP_TRY(const PickleId object, stack_.top());
      if (stack_[object].kind == PickleKind::kDict) return {};
      return refuse(fmt::format("gives attributes to {}", kind_name(stack_[object].kind)));
    }
    default:
      return refuse(fmt::format("has the opcode 0x{:02x} ({}) at byte {}", opcode, opcode_name(opcode), opcode_at_));
  }
}

Status Machine::reduce() {
  BP_TRY(const PickleId arguments_id, stack_.pop());
  BP_TRY(const PickleId callable, stack_.pop());
  const TorchGlobalEntry* global = global_of(callable);
  if (global == nullptr || stack_[arguments_id].kind != PickleKind::kTuple) {
    return refuse(fmt::format("calls {} at byte {}", kind_name(stack_[callable].kind), opcode_at_));
  }
  const PickleStack::Ids& arguments = stack_[arguments_id].items;
  switch (global->global) {
    case TorchGlobal::kOrderedDict:
      if (arguments.empty()) return stack_.push(PickleNode(PickleKind::kDict, PickleStack::Ids()));
      break;
    case TorchGlobal::kSize:
      if (arguments.size() == 1 && integers(arguments[0])) return stack_.push(stack_[arguments[0]]);
      break;
    case TorchGlobal::kRebuildTensor:
    case TorchGlobal::kRebuildTensorV3:
      return rebuild_tensor(arguments, global->global == TorchGlobal::kRebuildTensorV3);
    case TorchGlobal::kRebuildParameter:
      if (!arguments.empty() && stack_[arguments[0]].kind == PickleKind::kTensor) {
        return stack_.push_again(arguments[0]);
      }
      break;
    case TorchGlobal::kStorage:
    case TorchGlobal::kDType:
      break;
  }
  return refuse(fmt::format("calls {} with other arguments than tensors have", global->name));
}

// ("storage", type, key, device, size)
Status Machine::push_storage() {
  BP_TRY(const PickleId id, stack_.pop());
  const PickleStack::Ids& items = stack_[id].items;
  const TorchGlobalEntry* type =
      stack_[id].kind == PickleKind::kTuple && items.size() >= 5 ? global_of(items[1]) : nullptr;
  if (type == nullptr || type->global != TorchGlobal::kStorage || stack_[items[0]].text != "storage" ||
      stack_[items[2]].kind != PickleKind::kText || stack_[items[4]].kind != PickleKind::kInteger ||
      stack_[items[4]].number < 0) {
    return refuse(fmt::format("has a reference that is no storage at byte {}", opcode_at_));
  }
  storages_.push_back({type->dtype, stack_[items[2]].text, static_cast<uint64_t>(stack_[items[4]].number)});
  return stack_.push(PickleNode(PickleKind::kStorage, static_cast<int64_t>(storages_.size()) - 1));
}

std::optional<std::vector<int64_t>> Machine::integers(PickleId id) const {
  if (stack_[id].kind != PickleKind::kTuple || stack_[id].items.size() > kMaxDims) return std::nullopt;
  std::vector<int64_t> values;
  for (const PickleId item : stack_[id].items) {
    if (stack_[item].kind != PickleKind::kInteger || stack_[item].number < 0) return std::nullopt;
    values.push_back(stack_[item].number);
  }
  return values;
}

// (storage, offset, size, stride, requires_grad, hooks[, dtype][, metadata])
Status Machine::rebuild_tensor(const PickleStack::Ids& arguments, bool has_dtype) {
  const size_t needed = has_dtype ? 7 : 4;
  if (arguments.size() < needed || stack_[arguments[0]].kind != PickleKind::kStorage ||
      stack_[arguments[1]].kind != PickleKind::kInteger || stack_[arguments[1]].number < 0) {
    return refuse(fmt::format("has a tensor without a storage at byte {}", opcode_at_));
  }
  const Storage& storage = storages_[static_cast<size_t>(stack_[arguments[0]].number)];
  const auto dims = integers(arguments[2]), strides = integers(arguments[3]);
  if (!dims || !strides || dims->size() != strides->size()) {
    return refuse(
        fmt::format("has a tensor without a shape of at most {} dimensions at byte {}", kMaxDims, opcode_at_));
  }
  PickledTensor tensor{.name = {},
                       .dtype = storage.dtype,
                       .storage = std::string(storage.key),
                       .storage_elements = storage.n_elements,
                       .offset = stack_[arguments[1]].number,
                       .dims = *dims,
                       .strides = *strides};
  if (has_dtype) {
    const TorchGlobalEntry* type = global_of(arguments[6]);
    if (type == nullptr || type->global != TorchGlobal::kDType || storage.dtype != DType::kInvalid) {
      return refuse(fmt::format("has a tensor of an element type that is not known at byte {}", opcode_at_));
    }
    tensor.dtype = type->dtype;
    tensor.storage_elements = storage.n_elements / dtype_info(type->dtype).block_bytes;
  }
  if (tensor.dtype == DType::kInvalid)
    return refuse(fmt::format("has a tensor without an element type at byte {}", opcode_at_));
  tensors_.push_back(std::move(tensor));
  return stack_.push(PickleNode(PickleKind::kTensor, static_cast<int64_t>(tensors_.size()) - 1));
}

// A state dict, or a checkpoint that holds one.
Result<std::vector<PickledTensor>> Machine::collect(PickleId root) const {
  BP_TRY(auto tensors, tensors_of(root));
  const PickleStack::Ids& items = stack_[root].items;
  for (size_t i = 0; tensors.empty() && i + 1 < items.size(); i += 2) {
    const std::string_view name = stack_[items[i]].text;
    if (stack_[items[i + 1]].kind != PickleKind::kDict) continue;
    if (name != "state_dict" && name != "model" && name != "module") continue;
    BP_TRY(tensors, tensors_of(items[i + 1]));
    break;
  }
  if (tensors.empty()) return refuse("holds no tensors by name");
  return tensors;
}

Result<std::vector<PickledTensor>> Machine::tensors_of(PickleId dict) const {
  if (stack_[dict].kind != PickleKind::kDict)
    return refuse(fmt::format("holds {}, not a dict", kind_name(stack_[dict].kind)));
  std::vector<PickledTensor> found;
  std::unordered_map<std::string_view, size_t> by_name;
  const PickleStack::Ids& items = stack_[dict].items;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    const PickleNode &key = stack_[items[i]], &value = stack_[items[i + 1]];
    if (key.kind != PickleKind::kText) return refuse(fmt::format("holds {} as a name", kind_name(key.kind)));
    if (value.kind != PickleKind::kTensor) continue;
    const size_t at = by_name.emplace(key.text, found.size()).first->second;
    if (at == found.size()) found.emplace_back();
    found[at] = tensors_[static_cast<size_t>(value.number)];
    found[at].name = std::string(key.text);
  }
  return found;
}

}  // namespace

Result<std::vector<PickledTensor>> read_torch_pickle(std::span<const std::byte> bytes, const std::string& where) {
  return Machine(bytes, where).run();
}

}  // namespace bp
