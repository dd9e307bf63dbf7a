// The sixteen levels of iq4_nl and iq4_xs, denser near zero as weights are. Part of the formats.
// Internal to the module.
#pragma once

#include <array>

namespace bp::quant {

inline constexpr std::array<float, 16> kIq4Levels = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                     1,    13,   25,  38,  53,  69,  89,  113};

}  // namespace bp::quant
