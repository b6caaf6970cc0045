#include "crank/async/asymmetric_fence.h"
#include "crank/cli/commands.h"

int main(int count, char** arguments) {
  // While there is one thread the kernel grants this at once; once there are several it takes some 10 ms.
  crank::detail::prepare_asymmetric_fences();
  return crank::cli::main(count, arguments);
}
