// From bytes to syntax: the structure of every section of Binary.md, and nothing that needs an index space.
// Limits hold here already: bytes, nesting, and the number of definitions.
#pragma once

#include <span>

#include "crank/base/result.h"
#include "crank/component/reader.h"
#include "crank/component/syntax.h"

namespace crank::component::detail {

/// The syntax points into `binary`, which must outlive it.
Result<std::unique_ptr<syntax::Component>> parse_component(std::span<const std::byte> binary,
                                                           const DecodeLimits& limits);

/// Reads definitions off a Reader; failures stick to it (reader.h).
class Parser {
 public:
  explicit Parser(const DecodeLimits& limits) : limits_(limits) {}

  void component(Reader in, syntax::Component& out, std::uint32_t depth);

 private:
  void section(std::uint8_t id, Reader in, syntax::Component& out, std::uint32_t depth);
  void custom(Reader in, syntax::Component& out);
  bool count_item(Reader& in);

  syntax::CoreInstanceDef core_instance(Reader& in);
  syntax::InstanceDef instance(Reader& in);
  syntax::Alias alias(Reader& in);
  syntax::Canon canon(Reader& in);
  std::vector<syntax::CanonOption> canon_options(Reader& in);
  syntax::ImportDecl import(Reader& in);
  syntax::ExportDef export_(Reader& in);
  syntax::ExternName extern_name(Reader& in);
  syntax::ExternType extern_type(Reader& in);
  syntax::Sort sort(Reader& in);
  syntax::Sort core_sort(Reader& in);
  bool flag(Reader& in, const char* what);

  syntax::TypeDef type(Reader& in, std::uint32_t depth);
  syntax::ValType val_type(Reader& in);
  syntax::ValType optional_val_type(Reader& in);
  syntax::ValType result_list(Reader& in);
  std::vector<syntax::Label> labels(Reader& in, const char* what);
  std::vector<syntax::Label> cases(Reader& in);
  std::vector<syntax::Label> bare_labels(Reader& in, const char* what);
  void declarators(Reader& in, syntax::TypeDef& out, std::uint32_t depth);

  syntax::CoreTypes core_types(Reader& in);
  syntax::CoreTypeDef module_type(Reader& in);

  const DecodeLimits& limits_;
  std::uint32_t items_ = 0;
};

}  // namespace crank::component::detail
