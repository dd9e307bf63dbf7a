// Optional C++17 help over plugin.h, header-only, standard library alone. Nothing here is part of the border.
// Thread-safety: free functions over their arguments; views live as long as the call that was given the region.
#pragma once

#include <backplane/plugin.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#if defined(__GNUC__)
#define BP_PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define BP_PRINTF_LIKE(text, first)
#endif

namespace bp::plugin {

// ---- errors ----

// Fills `err` (null: nothing to fill) for a failure of this call alone; a text too long is cut. Returns `code`:
//   return set_error(err, BP_E_INVALID, "matmul: K is %lld, not a multiple of 32", k);
BP_PRINTF_LIKE(3, 4)
inline bp_status set_error(bp_err* err, bp_status code, const char* format, ...) noexcept {
  if (err == nullptr) return code;
  err->code = code;
  err->native = 0;
  err->launch_tag = 0;
  err->scope = BP_SCOPE_CALL;
  std::va_list args;
  va_start(args, format);
  std::vsnprintf(err->msg, sizeof err->msg, format, args);
  va_end(args);
  return code;
}

// The fault of an earlier launch: what is unusable now, the runtime's own number, and the culprit's tag (0 = not
// known).
struct Fault {
  uint32_t scope = BP_SCOPE_QUEUE;
  int64_t native = 0;
  uint64_t launch_tag = 0;
};

inline bp_status set_fault(bp_err* err, bp_status code, const Fault& fault, const char* text) noexcept {
  set_error(err, code, "%s", text);
  if (err == nullptr) return code;
  err->scope = fault.scope;
  err->native = fault.native;
  err->launch_tag = fault.launch_tag;
  return code;
}

#if defined(__cpp_exceptions)
// Runs f, which returns a bp_status or nothing; whatever it throws becomes a status and a text. For every function that
// stands in a table and may throw:
//   bp_status open(const char* id, …, bp_err* err) noexcept { return guard(err, [&] { … return BP_OK; }); }
template <class F>
bp_status guard(bp_err* err, F&& f) noexcept {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      std::forward<F>(f)();
      return BP_OK;
    } else {
      return std::forward<F>(f)();
    }
  } catch (const std::bad_alloc&) {
    return set_error(err, BP_E_NOMEM, "out of host memory");
  } catch (const std::exception& error) {
    return set_error(err, BP_E_INTERNAL, "%s", error.what());
  } catch (...) {
    return set_error(err, BP_E_INTERNAL, "an exception of unknown type");
  }
}
#endif

// ---- tables that grow ----

// Element i of an array whose elements are `stride` bytes apart.
template <class T>
T& at_stride(T* first, uint32_t stride, uint32_t i) noexcept {
  using Byte = std::conditional_t<std::is_const_v<T>, const unsigned char, unsigned char>;
  return *reinterpret_cast<T*>(reinterpret_cast<Byte*>(first) + static_cast<uint64_t>(i) * stride);
}

// Writes `value` into *out, at most the out->struct_size bytes that the caller has, and stores how many were written.
template <class T>
void fill(T* out, T value) noexcept {
  const uint32_t room = out->struct_size;
  value.struct_size = room < sizeof(T) ? room : static_cast<uint32_t>(sizeof(T));
  std::memcpy(static_cast<void*>(out), &value, value.struct_size);
}

// A text into a fixed field, cut where it is too long, always ended.
template <size_t N>
void set_text(char (&field)[N], std::string_view text) noexcept {
  const size_t n = text.size() < N - 1 ? text.size() : N - 1;
  std::memcpy(field, text.data(), n);
  std::memset(field + n, 0, N - n);
}

// Adds a workspace to a plan's needs; false where the host has no room for it (info->n_ws counts it nevertheless).
inline bool add_workspace(bp_plan_info* info, uint32_t kind, uint64_t bytes, uint64_t align) noexcept {
  const uint32_t i = info->n_ws++;
  if (info->ws == nullptr || i >= info->ws_cap) return false;
  bp_ws_need need{};
  need.kind = kind;
  need.bytes = bytes;
  need.align = align;
  fill(&at_stride(info->ws, info->ws_stride, i), need);
  return true;
}

// ---- regions ----

inline const bp_node& node_at(const bp_region& region, uint32_t i) noexcept {
  return at_stride(region.node, region.node_stride, i);
}

// By number in the region, as in bp_node.in; null: BP_ABSENT, or no such value.
inline const bp_value* value_at(const bp_region& region, uint32_t i) noexcept {
  return i < region.n_value ? &at_stride(region.value, region.value_stride, i) : nullptr;
}

// By slot, as spans come to plan_bind; null: absent, or no such slot.
inline const bp_value* slot_at(const bp_region& region, uint32_t slot) noexcept {
  return slot < region.n_arg ? value_at(region, region.arg[slot]) : nullptr;
}

// The slot through which a value of the region is bound (that of a len_value, say); BP_ABSENT: it is an inner value.
inline uint32_t slot_of(const bp_region& region, int64_t value) noexcept {
  for (uint32_t slot = 0; slot < region.n_arg; ++slot) {
    if (region.arg[slot] != BP_ABSENT && static_cast<int64_t>(region.arg[slot]) == value) return slot;
  }
  return BP_ABSENT;
}

// Null: the dim is static.
inline const bp_sym* sym_of(const bp_region& region, const bp_value& value, uint32_t axis) noexcept {
  const uint32_t sym = axis < value.rank ? value.dim_sym[axis] : 0u;
  return sym == 0 || sym > region.n_sym ? nullptr : &at_stride(region.sym, region.sym_stride, sym - 1);
}

// The extent of a dim in a launch: launch.dyn where it is dynamic. REQUIRES: axis < value.rank.
inline int64_t extent(const bp_value& value, uint32_t axis, const int64_t* dyn) noexcept {
  return value.dim_sym[axis] == 0 ? value.dim[axis] : dyn[value.dim_sym[axis] - 1];
}

// From the end: dim_from_end(w, 1) is the last. The bound where dynamic; -1: the value has no such axis.
inline int64_t dim_from_end(const bp_value& value, uint32_t i) noexcept {
  return i >= 1 && i <= value.rank ? value.dim[value.rank - i] : -1;
}

// Null: the node has no such attribute.
inline const bp_attr* find_attr(const bp_node& node, std::string_view key) noexcept {
  for (uint32_t i = 0; i < node.n_attr; ++i) {
    const bp_attr& attr = at_stride(node.attr, node.attr_stride, i);
    if (key == attr.key) return &attr;
  }
  return nullptr;
}

inline int64_t attr_int(const bp_node& node, std::string_view key, int64_t otherwise) noexcept {
  const bp_attr* attr = find_attr(node, key);
  return attr != nullptr && attr->kind == BP_ATTR_INT && attr->n >= 1 ? attr->i[0] : otherwise;
}

// An integer does as well.
inline double attr_float(const bp_node& node, std::string_view key, double otherwise) noexcept {
  const bp_attr* attr = find_attr(node, key);
  if (attr == nullptr || attr->n == 0) return otherwise;
  if (attr->kind == BP_ATTR_FLOAT) return attr->f[0];
  return attr->kind == BP_ATTR_INT ? static_cast<double>(attr->i[0]) : otherwise;
}

inline std::string_view attr_string(const bp_node& node, std::string_view key, std::string_view otherwise) noexcept {
  const bp_attr* attr = find_attr(node, key);
  return attr != nullptr && attr->kind == BP_ATTR_STRING && attr->s != nullptr ? std::string_view(attr->s) : otherwise;
}

// Null: none. Of coll.* ops: the bp_comm under "comm".
inline void* attr_handle(const bp_node& node, std::string_view key) noexcept {
  const bp_attr* attr = find_attr(node, key);
  return attr != nullptr && attr->kind == BP_ATTR_HANDLE ? attr->handle : nullptr;
}

}  // namespace bp::plugin
