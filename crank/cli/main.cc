#include "crank/cli/commands.h"

int main(int count, char** arguments) { return crank::cli::main(count, arguments); }
