// The devices of this process, opened once each and shared by the sessions and engines that use them: plugins are found
// by the first user, and let go with the last. Movable. Thread-safe, but for a single object.
#pragma once

#include <backplane/api/device.h>

#include <string>
#include <vector>

#include "engine/engine_options.h"
#include "plugin_host/device.h"

namespace bp::api {

class SharedDevice {
 public:
  // Errors: kDevice where it is missing; kUsage where plugins are in use that were found with other options. "auto"
  // without a usable device is the reference, with a warning.
  static Result<SharedDevice> open(const DeviceOptions& options);
  SharedDevice(SharedDevice&& other) noexcept;
  SharedDevice& operator=(SharedDevice&&) = delete;
  ~SharedDevice();

  Device* get() const { return device_; }  // null: the reference
  const std::string& id() const { return id_; }

  static Result<std::vector<DeviceInfo>> list(const DeviceOptions& options);

 private:
  SharedDevice(std::string id, Device* device) : id_(std::move(id)), device_(device) {}

  std::string id_;
  Device* device_ = nullptr;
};

FallbackPolicy policy_of(Fallback fallback);

}  // namespace bp::api
