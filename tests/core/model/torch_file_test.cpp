#include "model/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "gguf_writer.h"
#include "quant/quant.h"

namespace bp {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::StartsWith;

// Written by torch/make_fixtures.py with PyTorch.
std::string fixture(const std::string& name) {
  std::ifstream file(std::string(BP_SOURCE_DIR "/tests/core/model/torch/") + name, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(text.empty()) << name;
  return text;
}

Result<TorchFile> read(const std::string& bytes, const std::string& where) {
  return read_torch_file(std::as_bytes(std::span(bytes)), where);
}

std::string refusal(const std::string& bytes) {
  const auto file = read(bytes, "m.bin");
  return file ? "accepted" : file.error().message();
}

const WeightView& find(const TorchFile& file, const std::string& name) {
  for (const WeightView& tensor : file.tensors) {
    if (tensor.name == name) return tensor;
  }
  ADD_FAILURE() << name;
  return file.tensors.front();
}

template <class T>
std::vector<T> elements(const WeightView& view) {
  std::vector<T> values(view.bytes.size() / sizeof(T));
  std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
  return values;
}

std::vector<float> floats(const WeightView& view) {
  std::vector<float> values(view.bytes.size() / dtype_info(view.dtype).block_bytes);
  decode_row(view.dtype, view.bytes.data(), values.data(), static_cast<int64_t>(values.size()));
  return values;
}

std::vector<float> counting(int n) {
  std::vector<float> values;
  for (int i = 0; i < n; ++i) values.push_back(static_cast<float>(i));
  return values;
}

TEST(TorchFile, ReadsEveryElementType) {
  const std::string bytes = fixture("state_dict.pt");
  const auto file = read(bytes, "m.bin");
  ASSERT_TRUE(file) << file.error().message();
  for (const auto& [name, dtype] : {std::pair("f32", DType::kF32), {"f16", DType::kF16}, {"bf16", DType::kBF16}}) {
    EXPECT_EQ(find(*file, name).dtype, dtype);
    EXPECT_THAT(find(*file, name).dims, ElementsAre(4, 6));
    EXPECT_EQ(floats(find(*file, name)), counting(24));
  }
  EXPECT_THAT(elements<double>(find(*file, "f64")), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(elements<int64_t>(find(*file, "i64")), ElementsAre(-1, int64_t{1} << 40));
  EXPECT_THAT(elements<int8_t>(find(*file, "i8")), ElementsAre(-128, 127));
  EXPECT_THAT(elements<uint8_t>(find(*file, "bool")), ElementsAre(1, 0, 1));
  EXPECT_EQ(find(*file, "bool").dtype, DType::kBool);
  EXPECT_THAT(find(*file, "scalar").dims, ElementsAre());
  EXPECT_THAT(floats(find(*file, "scalar")), ElementsAre(2.5f));
  EXPECT_THAT(find(*file, "empty").dims, ElementsAre(0, 3));
  EXPECT_TRUE(find(*file, "empty").bytes.empty());
  EXPECT_THAT(floats(find(*file, "parameter")), ElementsAre(7, 7, 7, 7));
}

TEST(TorchFile, PutsStridedTensorsInOrder) {
  const std::string bytes = fixture("state_dict.pt");
  const auto file = read(bytes, "m.bin");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_THAT(find(*file, "transposed").dims, ElementsAre(6, 4));
  EXPECT_THAT(floats(find(*file, "transposed")),
              ElementsAre(0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23));
  EXPECT_THAT(floats(find(*file, "every_other")), ElementsAre(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22));
  EXPECT_THAT(find(*file, "permuted").dims, ElementsAre(4, 2, 3));
  EXPECT_THAT(elements<int32_t>(find(*file, "permuted")),
              ElementsAre(0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23));
}

TEST(TorchFile, SharesStorages) {
  const std::string bytes = fixture("state_dict.pt");
  const auto file = read(bytes, "m.bin");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(floats(find(*file, "tied")), counting(24));
  EXPECT_EQ(find(*file, "tail").bytes.data(), find(*file, "tied").bytes.data() + 48);
  EXPECT_EQ(file->copies.size(), 3u);
}

TEST(TorchFile, FindsTheStateDictOfACheckpoint) {
  const std::string bytes = fixture("checkpoint.pt");
  const auto file = read(bytes, "m.bin");
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_EQ(file->tensors.size(), 4u);
  EXPECT_EQ(file->tensors[0].name, "0.weight");
  EXPECT_THAT(file->tensors[0].dims, ElementsAre(2, 3));
}

TEST(TorchFile, ReadsYoungerPicklesAndTypes) {
  const std::string four = fixture("protocol4.pt"), eight = fixture("fp8.pt");
  const auto file = read(four, "m.bin");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(floats(find(*file, "w")), counting(24));
  const auto fp8 = read(eight, "m.bin");
  ASSERT_TRUE(fp8) << fp8.error().message();
  EXPECT_EQ(find(*fp8, "w").dtype, DType::kFp8E4M3);
  EXPECT_EQ(floats(find(*fp8, "w"))[16], 16.0f);
}

TEST(TorchFile, RefusesWhatIsNoTensor) {
  EXPECT_EQ(refusal(fixture("evil.pt")),
            "m.bin: asks for posix.system; only tensors are read from PyTorch files; convert the model to safetensors");
  EXPECT_THAT(refusal(fixture("module.pt")), HasSubstr("asks for torch.nn.modules.container.Sequential"));
  EXPECT_THAT(refusal(fixture("list.pt")), HasSubstr("holds a list, not a dict"));
  EXPECT_THAT(refusal(fixture("legacy.pt")), HasSubstr("is no PyTorch file of version 1.6 or later"));
}

TEST(TorchFile, EveryTruncationIsRefused) {
  const std::string bytes = fixture("state_dict.pt");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(refusal(bytes.substr(0, size)), StartsWith("m.bin: ")) << size;
  }
}

TEST(TorchFile, EveryDamagedByteIsHarmless) {
  const std::string bytes = fixture("state_dict.pt");
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const auto file = read(damaged, "m.bin");
      if (!file) continue;
      for (const WeightView& tensor : file->tensors) {
        EXPECT_EQ(tensor_bytes(tensor.dtype, tensor.dims), tensor.bytes.size());
      }
    }
  }
}

// An archive of stored members, as torch.save lays it out.
std::string zip(const std::vector<std::pair<std::string, std::string>>& members, uint16_t method = 0) {
  using test::append_number;
  std::string out, directory;
  for (const auto& [name, bytes] : members) {
    const auto offset = static_cast<uint32_t>(out.size()), size = static_cast<uint32_t>(bytes.size());
    std::string sizes;
    for (const uint32_t number : {0u, size, size}) append_number(sizes, number);
    append_number(sizes, static_cast<uint16_t>(name.size()));
    append_number(sizes, uint16_t{0});
    append_number(out, uint32_t{0x04034b50});
    for (const uint16_t number : {uint16_t{0}, uint16_t{0}, method, uint16_t{0}, uint16_t{0}})
      append_number(out, number);
    out += sizes + name + bytes;
    append_number(directory, uint32_t{0x02014b50});
    for (const uint16_t number : {uint16_t{0}, uint16_t{0}, uint16_t{0}, method, uint16_t{0}, uint16_t{0}}) {
      append_number(directory, number);
    }
    directory += sizes + std::string(10, '\0');
    append_number(directory, offset);
    directory += name;
  }
  const auto offset = static_cast<uint32_t>(out.size());
  out += directory;
  append_number(out, uint32_t{0x06054b50});
  append_number(out, uint32_t{0});
  for (int i = 0; i < 2; ++i) append_number(out, static_cast<uint16_t>(members.size()));
  append_number(out, static_cast<uint32_t>(directory.size()));
  append_number(out, offset);
  append_number(out, uint16_t{0});
  return out;
}

std::string text(std::string_view value) {
  std::string out = "X";
  test::append_number(out, static_cast<uint32_t>(value.size()));
  return out + std::string(value);
}
std::string integer(int32_t value) {
  std::string out = "J";
  test::append_number(out, value);
  return out;
}

struct Tensor {
  int32_t storage_elements = 4, offset = 0;
  std::vector<int32_t> dims = {2, 2}, strides = {2, 1};
  std::string storage = "0", type = "ctorch\nFloatStorage\n";
};

std::string tensor(const Tensor& of) {
  std::string dims, strides;
  for (const int32_t dim : of.dims) dims += integer(dim);
  for (const int32_t stride : of.strides) strides += integer(stride);
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + of.type + text(of.storage) + text("cpu") +
         integer(of.storage_elements) + "tQ" + integer(of.offset) + "(" + dims + "t(" + strides + "t\x89NtR";
}

std::string file_of(const std::string& pickle, const std::string& storage = std::string(16, '\0')) {
  return zip({{"m/data.pkl", "\x80\x02" + pickle}, {"m/data/0", storage}});
}
std::string file_of(const Tensor& of) { return file_of("}" + text("w") + tensor(of) + "s."); }

TEST(TorchFile, ChecksTensorsAgainstTheirStorage) {
  EXPECT_EQ(refusal(file_of(Tensor())), "accepted");
  EXPECT_THAT(refusal(file_of(Tensor{.storage_elements = 5})), HasSubstr("data/0 has 16 bytes, not 5 elements of f32"));
  EXPECT_THAT(refusal(file_of(Tensor{.offset = 1})), HasSubstr("tensor w [2, 2] does not lie within the 4 elements"));
  EXPECT_THAT(refusal(file_of(Tensor{.dims = {2, 3}, .strides = {3, 1}})), HasSubstr("does not lie within"));
  EXPECT_THAT(refusal(file_of(Tensor{.strides = {3, 1}})), HasSubstr("does not lie within"));
  EXPECT_THAT(refusal(file_of(Tensor{.dims = {1 << 30, 1 << 30}, .strides = {0, 0}})),
              HasSubstr("does not lie within"));
  EXPECT_THAT(refusal(file_of(Tensor{.dims = {INT32_MAX, INT32_MAX, INT32_MAX}, .strides = {1, 1, 1}})),
              HasSubstr("does not lie within"));
  EXPECT_THAT(refusal(file_of(Tensor{.dims = {-2, 2}})), HasSubstr("without a shape"));
  EXPECT_THAT(refusal(file_of(Tensor{.strides = {2}})), HasSubstr("without a shape"));
  EXPECT_THAT(refusal(file_of(Tensor{.dims = std::vector<int32_t>(9, 1), .strides = std::vector<int32_t>(9, 1)})),
              HasSubstr("without a shape of at most 8 dimensions"));
  EXPECT_THAT(refusal(file_of(Tensor{.offset = -1})), HasSubstr("without a storage"));
  EXPECT_THAT(refusal(file_of(Tensor{.storage_elements = -1})), HasSubstr("no storage"));
  EXPECT_THAT(refusal(file_of(Tensor{.storage = "1"})), HasSubstr("is in data/1, which is missing"));
  EXPECT_THAT(refusal(file_of(Tensor{.storage = "../../etc/passwd"})), HasSubstr("which is missing"));
  EXPECT_THAT(refusal(file_of(Tensor{.type = "ctorch\nQInt8Storage\n"})), HasSubstr("asks for torch.QInt8Storage"));
}

TEST(TorchFile, RefusesMalformedPickles) {
  EXPECT_THAT(refusal(file_of("")), HasSubstr("ends within its pickle"));
  EXPECT_THAT(refusal(file_of(".")), HasSubstr("takes from an empty stack"));
  EXPECT_THAT(refusal(file_of("}.")), HasSubstr("holds no tensors by name"));
  EXPECT_THAT(refusal(file_of("}}.")), HasSubstr("ends with more than one object"));
  EXPECT_THAT(refusal(file_of("h\x05.")), HasSubstr("recalls object 5"));
  EXPECT_THAT(refusal(file_of("t.")), HasSubstr("goes back to a mark"));
  EXPECT_THAT(refusal(file_of("}(NNNu.")), HasSubstr("adds 3 items to a dict"));
  EXPECT_THAT(refusal(file_of("]NNs.")), HasSubstr("adds 2 items to a list"));
  EXPECT_THAT(refusal(file_of("N)R.")), HasSubstr("calls None"));
  EXPECT_THAT(refusal(file_of("ctorch\nFloatStorage\n)R.")),
              HasSubstr("calls torch.FloatStorage with other arguments"));
  EXPECT_THAT(refusal(file_of("ccollections\nOrderedDict\n(NtR.")), HasSubstr("calls collections.OrderedDict with"));
  EXPECT_THAT(refusal(file_of("NQ.")), HasSubstr("a reference that is no storage"));
  EXPECT_THAT(refusal(file_of("]}b.")), HasSubstr("gives attributes to a list"));
  EXPECT_THAT(refusal(file_of("}NNs.")), HasSubstr("holds None as a name"));
  EXPECT_THAT(refusal(file_of("(ios\nsystem\n.")), HasSubstr("has the opcode 0x69 (INST)"));
  EXPECT_THAT(refusal(file_of("N)\x81.")), HasSubstr("has the opcode 0x81 (NEWOBJ)"));
  EXPECT_THAT(refusal(file_of("cbuiltins\neval\n.")), HasSubstr("asks for builtins.eval"));
  EXPECT_THAT(refusal(file_of("ctorch\n_utils.other\n.")), HasSubstr("asks for torch._utils.other"));
  EXPECT_THAT(refusal(file_of(text("os") + text("system") + "\x93.")), HasSubstr("asks for os.system"));
}

TEST(TorchFile, BoundsWhatAPickleBuilds) {
  EXPECT_THAT(refusal(file_of(std::string(1'100'000, 'N'))), HasSubstr("builds more than 1000000 objects"));
  EXPECT_THAT(refusal(file_of(std::string(1'100'000, '('))), HasSubstr("sets more than 1000000 marks"));
  std::string recalls = "Nq";
  recalls += '\0';
  for (int i = 0; i < 1'100'000; ++i) recalls += std::string("h\0", 2);
  EXPECT_THAT(refusal(file_of(recalls)), HasSubstr("stacks more than 1000000 objects"));
  // A list within itself, and a dict of itself.
  EXPECT_THAT(refusal(file_of(std::string("]q\0h\0a.", 7))), HasSubstr("holds a list"));
  EXPECT_THAT(refusal(file_of(std::string("}q\0", 3) + text("model") + std::string("h\0s.", 4))),
              HasSubstr("holds no tensors"));
}

TEST(TorchFile, BoundsCopies) {
  // A thousand names for a transposed matrix of 4 KiB each want 4 MiB of copies from a file of some 40 KB.
  const Tensor transposed{.storage_elements = 1024, .dims = {32, 32}, .strides = {1, 32}};
  std::string pickle = "}(" + text("w") + tensor(transposed) + std::string("q\0", 2);
  for (int i = 0; i < 1000; ++i) pickle += text("w" + std::to_string(i)) + std::string("h\0", 2);
  EXPECT_THAT(refusal(file_of(pickle + "u.", std::string(4096, '\0'))),
              HasSubstr("shares storages between too many tensors"));
}

TEST(TorchFile, RefusesMalformedArchives) {
  const std::string good = "\x80\x02}" + text("w") + tensor(Tensor()) + "s.";
  const std::string storage(16, '\0');
  EXPECT_EQ(refusal(zip({{"m/data.pkl", good}, {"m/data/0", storage}})), "accepted");
  EXPECT_THAT(refusal(zip({{"m/data.pkl", good}, {"m/data/0", storage}}, 8)), HasSubstr("compressed or encrypted"));
  EXPECT_THAT(refusal(zip({{"m/data.pkl", good}, {"m/data.pkl", good}})), HasSubstr("holds m/data.pkl twice"));
  EXPECT_THAT(refusal(zip({{"m/data.pkl", good}, {"n/data.pkl", good}})), HasSubstr("holds two data.pkl"));
  EXPECT_THAT(refusal(zip({{"data.pkl", good}})), HasSubstr("holds no data.pkl"));
  EXPECT_THAT(refusal(zip({{"m/data.pkl", good}, {"m/byteorder", "big"}})), HasSubstr("big-endian"));
  EXPECT_THAT(refusal(""), HasSubstr("has no directory of a ZIP archive"));
}

}  // namespace
}  // namespace bp
