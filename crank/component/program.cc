#include "crank/component/program.h"

#include "crank/component/analyze.h"
#include "crank/component/decode.h"
#include "crank/component/inline.h"
#include "crank/component/type_arena.h"

namespace crank::component {

Result<std::shared_ptr<const Program>> decode(std::span<const std::byte> binary, const DecodeLimits& limits) {
  auto program = std::make_shared<Program>();
  auto bytes = std::make_shared<const std::vector<std::byte>>(binary.begin(), binary.end());
  CRANK_TRY(auto syntax, detail::parse_component(*bytes, limits));
  program->types = std::make_shared<TypeArena>();
  program->binary = std::move(bytes);
  CRANK_TRY_VOID(detail::Inliner(limits, *program).root(*syntax));
  detail::analyze(*program);
  return program;
}

namespace {

const ExportItem* find_in(const std::vector<Export>& exports, std::string_view name) {
  for (auto& e : exports) {
    if (e.name == name) return &e.item;
  }
  return nullptr;
}

}  // namespace

const ExportItem* find_export(const Program& program, std::string_view path) {
  const std::vector<Export>* exports = &program.exports;
  while (true) {
    auto hash = path.find('#');
    const ExportItem* item = find_in(*exports, path.substr(0, hash));
    if (!item || hash == path.npos) return item;
    if (item->kind != ExportItem::instance) return nullptr;
    exports = &item->exports;
    path.remove_prefix(hash + 1);
  }
}

}  // namespace crank::component
