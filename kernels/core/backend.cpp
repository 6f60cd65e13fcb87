#include "kernels/core/backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <thread>

#include "kernels/core/cuda_module.hpp"

namespace tidegauge {

namespace {

std::string instruction_set_text() {
  const std::string_view name = lstm_cpu_instruction_set();
  if (name == "avx512") return "AVX-512";
  if (name == "avx2") return "AVX2";
  return std::string(name);
}

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(std::size_t threads)
      : threads_(threads ? threads : std::max<std::size_t>(1, std::thread::hardware_concurrency())),
        name_(fmt::format("cpu ({}, {} thread{})", instruction_set_text(), threads_,
                          threads_ == 1 ? "" : "s")) {}

  std::string_view name() const override { return name_; }

  Expected<std::unique_ptr<PacketBatchCounter>> batch_counter(const BatchShape& shape, std::uint32_t) override {
    return make_batch_counter_cpu(shape);
  }

  Status slopes(std::span<double> out, const SlopeInput& input, const SlopeRule& rule) override {
    slopes_cpu(out, input, rule);
    return {};
  }

  Status surges(Surges& out, const SurgeInput& input, const SurgeRule& rule) override {
    surges_cpu(out, input, rule);
    return {};
  }

  Expected<std::unique_ptr<LstmNetwork>> lstm(const LstmShape& shape, std::uint64_t seed,
                                              const LstmOptions&) override {
    return make_lstm_cpu(shape, seed, threads_);
  }

  Expected<std::unique_ptr<ManyNetworks>> many(std::vector<ManyState> states, std::span<const ManyTask> tasks,
                                               const ManySettings& settings) override {
    return make_many_cpu(std::move(states), tasks, settings, threads_);
  }

 private:
  std::size_t threads_;
  std::string name_;
};

/// A request, taken apart.
struct Request {
  enum class Kind { automatic, cpu, cuda } kind;
  std::optional<int> index = std::nullopt;
};

Expected<Request> parse_request(std::string_view text) {
  using Kind = Request::Kind;
  if (text == "auto") return Request{Kind::automatic};
  if (text == "cpu") return Request{Kind::cpu};
  if (text == "cuda") return Request{Kind::cuda};
  constexpr std::string_view prefix = "cuda:";
  if (text.substr(0, prefix.size()) == prefix) {
    const std::string_view digits = text.substr(prefix.size());
    std::uint16_t index = 0;  // unsigned: a sign is refused; 16 bits: no machine has more
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (error == std::errc() && end == digits.data() + digits.size()) return Request{Kind::cuda, index};
  }
  return Error{fmt::format("'{}' names no device", text), "--device",
               "auto, cpu, cuda or cuda:N with N from 0", ErrorKind::usage};
}

/// The module, once it has found a GPU.
Expected<CudaModule> usable_cuda_module() {
  auto module = load_cuda_module();
  if (module && module->probe.trouble != CudaTrouble::none) return cuda_trouble_error(module->probe);
  return module;
}

Expected<std::unique_ptr<Backend>> make_cuda_backend(const CudaModule& module, int index) {
  const CudaProbe& probe = module.probe;
  if (index >= probe.device_count)
    return Error{probe.device_count == 1
                     ? fmt::format("there is no GPU {}, only GPU 0", index)
                     : fmt::format("there is no GPU {}, only 0 to {}", index, probe.device_count - 1),
                 "--device cuda", "cuda:0, or see tidegauge doctor"};
  char reason[512] = "";
  std::unique_ptr<Backend> backend(module.create(index, reason, sizeof reason));
  if (!backend)
    return Error{fmt::format("GPU {} cannot be used: {}", index, reason), "--device cuda", "--device cpu"};
  return backend;
}

/// Why `auto` did not take a GPU.
std::string why_not_cuda() {
  const auto module = load_cuda_module();
  if (!module) return module.error().what;
  if (module->probe.trouble != CudaTrouble::none) return cuda_trouble_error(module->probe).what;
  return fmt::format("{} is there for --device cuda, but nothing has been measured on a card that would recommend it",
                     module->probe.devices[0].name);
}

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(std::size_t threads) {
  return std::make_unique<CpuBackend>(threads);
}

Expected<DeviceChoice> choose_device(std::string_view text, std::size_t threads) {
  auto request = parse_request(text);
  if (!request) return request.error();
  if (request->kind == Request::Kind::cuda) {
    auto module = usable_cuda_module();
    if (!module) return module.error();
    auto backend = make_cuda_backend(*module, request->index.value_or(0));
    if (!backend) return backend.error();
    const std::string name((*backend)->name());
    return DeviceChoice{*std::move(backend), fmt::format("device: {}, as asked", name)};
  }
  auto backend = make_cpu_backend(threads);
  const std::string name(backend->name());
  const std::string why =
      request->kind == Request::Kind::cpu ? "as asked" : "chosen by auto: " + why_not_cuda();
  return DeviceChoice{std::move(backend), fmt::format("device: {}, {}", name, why)};
}

Expected<DevicesChoice> choose_devices(std::string_view text) {
  auto request = parse_request(text);
  if (!request) return request.error();
  if (request->kind == Request::Kind::automatic) return DevicesChoice{};
  if (request->kind == Request::Kind::cpu) return DevicesChoice{{}, "device: cpu, as asked"};
  auto module = usable_cuda_module();
  if (!module) return module.error();
  const int first = request->index.value_or(0), count = request->index ? 1 : module->probe.device_count;
  DevicesChoice choice;
  std::string names;
  for (int index = first; index < first + count; ++index) {
    auto backend = make_cuda_backend(*module, index);
    if (!backend) return backend.error();
    names += (names.empty() ? "" : ", ") + std::string((*backend)->name());
    choice.backends.push_back(*std::move(backend));
  }
  choice.why = fmt::format("device: {}, as asked", names);
  return choice;
}

}  // namespace tidegauge
