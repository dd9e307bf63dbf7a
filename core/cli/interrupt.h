// Ctrl-C and SIGTERM as a flag that long work looks at; a second one ends the process at once with 130.
#pragma once

#include <stop_token>

namespace bp::cli {

void install_interrupt_handler();
bool interrupted();
// Stopped within a tenth of a second of the signal, for work that waits on a token.
std::stop_token interrupt_token();

}  // namespace bp::cli
