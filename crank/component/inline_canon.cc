#include <algorithm>
#include <initializer_list>

#include "crank/component/inline.h"

namespace crank::component {

std::string_view name_of(Builtin op) noexcept {
  switch (op) {
    case Builtin::lower: return "lower";
    case Builtin::resource_new: return "resource.new";
    case Builtin::resource_drop: return "resource.drop";
    case Builtin::resource_rep: return "resource.rep";
    case Builtin::backpressure_inc: return "backpressure.inc";
    case Builtin::backpressure_dec: return "backpressure.dec";
    case Builtin::task_return: return "task.return";
    case Builtin::task_cancel: return "task.cancel";
    case Builtin::context_get: return "context.get";
    case Builtin::context_set: return "context.set";
    case Builtin::waitable_set_new: return "waitable-set.new";
    case Builtin::waitable_set_wait: return "waitable-set.wait";
    case Builtin::waitable_set_poll: return "waitable-set.poll";
    case Builtin::waitable_set_drop: return "waitable-set.drop";
    case Builtin::waitable_join: return "waitable.join";
    case Builtin::subtask_cancel: return "subtask.cancel";
    case Builtin::subtask_drop: return "subtask.drop";
    case Builtin::stream_new: return "stream.new";
    case Builtin::stream_read: return "stream.read";
    case Builtin::stream_write: return "stream.write";
    case Builtin::stream_cancel_read: return "stream.cancel-read";
    case Builtin::stream_cancel_write: return "stream.cancel-write";
    case Builtin::stream_drop_readable: return "stream.drop-readable";
    case Builtin::stream_drop_writable: return "stream.drop-writable";
    case Builtin::future_new: return "future.new";
    case Builtin::future_read: return "future.read";
    case Builtin::future_write: return "future.write";
    case Builtin::future_cancel_read: return "future.cancel-read";
    case Builtin::future_cancel_write: return "future.cancel-write";
    case Builtin::future_drop_readable: return "future.drop-readable";
    case Builtin::future_drop_writable: return "future.drop-writable";
    case Builtin::error_context_new: return "error-context.new";
    case Builtin::error_context_debug_message: return "error-context.debug-message";
    case Builtin::error_context_drop: return "error-context.drop";
    case Builtin::thread_yield: return "thread.yield";
    case Builtin::thread_index: return "thread.index";
    case Builtin::thread_new_indirect: return "thread.new-indirect";
    case Builtin::thread_resume_later: return "thread.resume-later";
    case Builtin::thread_suspend: return "thread.suspend";
    case Builtin::thread_suspend_then_resume: return "thread.suspend-then-resume";
    case Builtin::thread_suspend_then_promote: return "thread.suspend-then-promote";
    case Builtin::thread_yield_then_resume: return "thread.yield-then-resume";
    case Builtin::thread_yield_then_promote: return "thread.yield-then-promote";
  }
  return "unknown";
}

namespace detail {
using namespace syntax;

namespace {

constexpr std::uint32_t max_flat_async_params = 4;
constexpr std::uint32_t context_slots = 2;
constexpr CoreVal core_funcref{0x100 | 0x70 | 0x200};
constexpr CoreType four_i32[] = {CoreType::i32, CoreType::i32, CoreType::i32, CoreType::i32};

bool flat_fits(const FlatTypes& flat, std::uint32_t limit) { return !flat.overflow && flat.count <= limit; }
bool is_future(Builtin op) { return op >= Builtin::future_new && op <= Builtin::future_drop_writable; }

/// The core signature of every built-in but lower, task.return and context.*.
void fixed_signature(Trampoline& t) {
  constexpr auto i32 = CoreType::i32;
  auto set = [&](std::size_t params, std::initializer_list<CoreType> results) {
    t.params.assign(params, i32);
    t.results = results;
  };
  switch (t.op) {
    case Builtin::resource_new:
    case Builtin::resource_rep:
    case Builtin::subtask_cancel:
    case Builtin::stream_cancel_read:
    case Builtin::stream_cancel_write:
    case Builtin::future_cancel_read:
    case Builtin::future_cancel_write:
    case Builtin::thread_suspend_then_resume:
    case Builtin::thread_suspend_then_promote:
    case Builtin::thread_yield_then_resume:
    case Builtin::thread_yield_then_promote: return set(1, {i32});
    case Builtin::resource_drop:
    case Builtin::waitable_set_drop:
    case Builtin::subtask_drop:
    case Builtin::stream_drop_readable:
    case Builtin::stream_drop_writable:
    case Builtin::future_drop_readable:
    case Builtin::future_drop_writable:
    case Builtin::error_context_drop:
    case Builtin::thread_resume_later: return set(1, {});
    case Builtin::waitable_set_new:
    case Builtin::thread_yield:
    case Builtin::thread_index:
    case Builtin::thread_suspend: return set(0, {i32});
    case Builtin::waitable_set_wait:
    case Builtin::waitable_set_poll:
    case Builtin::future_read:
    case Builtin::future_write:
    case Builtin::error_context_new:
    case Builtin::thread_new_indirect: return set(2, {i32});
    case Builtin::waitable_join:
    case Builtin::error_context_debug_message: return set(2, {});
    case Builtin::stream_read:
    case Builtin::stream_write: return set(3, {i32});
    case Builtin::stream_new:
    case Builtin::future_new: return set(0, {CoreType::i64});
    default: return set(0, {});
  }
}

}  // namespace

void Inliner::push_trampoline(Trampoline trampoline, Scope& scope) {
  auto id = static_cast<std::uint32_t>(out_->trampolines.size());
  trampoline.instance = scope.instance;
  CoreFuncType& type = core_functions_.emplace_back();
  for (auto t : trampoline.params) type.params.push_back(core_val(t));
  for (auto t : trampoline.results) type.results.push_back(core_val(t));
  core_externs_.push_back({.sort = CoreSort::func, .func = &type});
  out_->trampolines.push_back(std::move(trampoline));
  scope.core_funcs.push_back({true, id, {}, &core_externs_.back()});
}

Result<> Inliner::check_core_func(const CoreEntry& entry, std::span<const CoreType> params,
                                  std::span<const CoreType> results, std::string_view what) {
  if (!entry.type || !entry.type->func) return {};
  CoreFuncType wanted;
  for (auto t : params) wanted.params.push_back(core_val(t));
  for (auto t : results) wanted.results.push_back(core_val(t));
  // Calls are made unchecked later, so nothing is given the benefit of the doubt here.
  auto exactly = [](CoreVal a, CoreVal b) { return a.code == b.code; };
  if (std::ranges::equal(entry.type->func->params, wanted.params, exactly) &&
      std::ranges::equal(entry.type->func->results, wanted.results, exactly)) {
    return {};
  }
  return bad(concat(what, " has an incorrect signature: expected ", to_string(wanted), ", found ",
                    to_string(*entry.type->func)));
}

Result<> Inliner::check_memory(const CoreEntry& entry) {
  if (!entry.type) return {};
  if (entry.type->limits.wide)
    return bad("a 64-bit memory needs memory64, which Crank does not support", Code::unsupported);
  if (entry.type->limits.shared) return bad("a shared memory cannot be used by canonical definitions");
  return {};
}

Result<OptionsId> Inliner::options(const std::vector<CanonOption>& given, const Scope& scope, Builtin op, bool lift) {
  auto what = lift ? std::string_view("lift") : name_of(op);
  Options out;
  bool seen[CanonOption::callback + 1] = {};
  for (auto& option : given) {
    bool encoding = option.kind <= CanonOption::latin1_utf16;
    bool& before = seen[encoding ? CanonOption::utf8 : option.kind];
    if (before) {
      constexpr std::string_view names[] = {"string-encoding", "",      "",        "memory", "realloc",
                                            "post-return",     "async", "callback"};
      return bad(
          concat("canon ", what, ": the option `", names[encoding ? 0 : option.kind], "` is specified more than once"));
    }
    before = true;
    auto core = [&](const std::vector<CoreEntry>& space, CoreSort sort, std::string_view name,
                    std::optional<CoreDef>& to) -> Result<> {
      CRANK_TRY(auto entry, at(space, option.index, name));
      to = core_def(sort, *entry);
      std::span<const CoreType> i32s(four_i32);
      if (option.kind == CanonOption::memory) return check_memory(*entry);
      if (option.kind == CanonOption::realloc)
        return check_core_func(*entry, i32s, i32s.first(1), "the canonical option `realloc`");
      if (option.kind == CanonOption::callback)
        return check_core_func(*entry, i32s.first(3), i32s.first(1), "the canonical option `callback`");
      return {};
    };
    switch (option.kind) {
      case CanonOption::utf8: out.encoding = StringEncoding::utf8; break;
      case CanonOption::utf16: out.encoding = StringEncoding::utf16; break;
      case CanonOption::latin1_utf16: out.encoding = StringEncoding::latin1_utf16; break;
      case CanonOption::async_: out.async_ = true; break;
      case CanonOption::memory:
        CRANK_TRY_VOID(core(scope.core_memories, CoreSort::memory, "core memory", out.memory));
        break;
      case CanonOption::realloc:
        CRANK_TRY_VOID(core(scope.core_funcs, CoreSort::func, "core func", out.realloc));
        break;
      case CanonOption::post_return:
        CRANK_TRY_VOID(core(scope.core_funcs, CoreSort::func, "core func", out.post_return));
        break;
      case CanonOption::callback:
        CRANK_TRY_VOID(core(scope.core_funcs, CoreSort::func, "core func", out.callback));
        break;
    }
  }
  auto only = [&](bool holds, std::string_view sentence) -> Result<> {
    if (holds) return {};
    return bad(concat("canon ", what, ": ", sentence));
  };
  CRANK_TRY_VOID(only(lift || !out.post_return, "the option `post-return` can only be specified for lift"));
  CRANK_TRY_VOID(only(lift || !out.callback, "the option `callback` can only be specified for lift"));
  CRANK_TRY_VOID(only(!out.callback || out.async_, "the option `callback` needs `async`"));
  CRANK_TRY_VOID(only(!out.post_return || !out.async_, "the option `post-return` excludes `async`"));
  CRANK_TRY_VOID(only(!out.realloc || out.memory, "the option `realloc` requires `memory` to also be specified"));
  bool takes_async = lift || op == Builtin::lower || op == Builtin::stream_read || op == Builtin::stream_write ||
                     op == Builtin::future_read || op == Builtin::future_write;
  CRANK_TRY_VOID(only(!out.async_ || takes_async, "the option `async` cannot be specified here"));
  CRANK_TRY_VOID(only(op != Builtin::task_return || !out.realloc, "the option `realloc` cannot be specified here"));
  out_->options.push_back(std::move(out));
  return OptionsId{static_cast<std::uint32_t>(out_->options.size() - 1)};
}

Result<> Inliner::needs(const Options& options, bool memory, bool realloc) {
  if ((memory || realloc) && !options.memory) return bad("the canonical option `memory` is required");
  if (realloc && !options.realloc) return bad("the canonical option `realloc` is required");
  return {};
}

Result<> Inliner::define_lift(const Canon& canon, Scope& scope) {
  CRANK_TRY(auto core, at(scope.core_funcs, canon.function, "core func"));
  CRANK_TRY(auto item, at(scope.types, canon.type, "type"));
  if (item->kind != TypeItem::function) return bad(concat("type ", canon.type, " is not a function type"));
  const FuncType& type = *item->function_type;
  CRANK_TRY(OptionsId id, options(canon.options, scope, {}, true));
  const Options& given = out_->options[index(id)];
  if (given.async_ && !type.async_) return bad("the `async` option requires an async function type");
  bool lowers_to_memory = type.params_have_pointers || type.flat_params.overflow;
  bool lifts_from_memory =
      !given.async_ && type.result && (type.result->has_pointers || !flat_fits(type.flat_result, 1));
  CRANK_TRY_VOID(needs(given, lifts_from_memory, lowers_to_memory));
  std::vector<CoreType> params{CoreType::i32}, results{CoreType::i32};
  if (!type.flat_params.overflow) params.assign(type.flat_params.span().begin(), type.flat_params.span().end());
  if (given.async_) {
    if (!given.callback) results.clear();
  } else if (flat_fits(type.flat_result, 1)) {
    results.assign(type.flat_result.span().begin(), type.flat_result.span().end());
  }
  CRANK_TRY_VOID(check_core_func(*core, params, results, "the lifted core function"));
  for (auto& option : canon.options) {
    if (option.kind != CanonOption::post_return) continue;
    CRANK_TRY_VOID(check_core_func(scope.core_funcs[option.index], results, {}, "the canonical option `post-return`"));
  }
  FuncSource source{FuncSource::lifted, static_cast<std::uint32_t>(out_->lifts.size())};
  out_->lifts.push_back({scope.instance, core_def(CoreSort::func, *core), &type, id, {}});
  scope.funcs.push_back({&type, source, item->visible});
  return {};
}

Result<> Inliner::define_lower(const Canon& canon, Scope& scope) {
  CRANK_TRY(auto func, at(scope.funcs, canon.function, "func"));
  const FuncType& type = *func->type;
  Trampoline out{.op = Builtin::lower, .function = &type, .callee = func->source};
  CRANK_TRY(out.options, options(canon.options, scope, Builtin::lower, false));
  const Options& given = out_->options[index(out.options)];
  if (given.async_ && !type.async_) return bad("the `async` option requires an async function type");
  out.async_ = given.async_;
  bool params_fit = flat_fits(type.flat_params, given.async_ ? max_flat_async_params : FlatTypes::max);
  bool result_fits = !type.result || (!given.async_ && flat_fits(type.flat_result, 1));
  CRANK_TRY_VOID(
      needs(given, type.params_have_pointers || !params_fit || !result_fits, type.result && type.result->has_pointers));
  if (params_fit) {
    out.params.assign(type.flat_params.span().begin(), type.flat_params.span().end());
  } else {
    out.params = {CoreType::i32};
  }
  if (!result_fits) out.params.push_back(CoreType::i32);
  if (given.async_) {
    out.results = {CoreType::i32};
  } else if (result_fits) {
    out.results.assign(type.flat_result.span().begin(), type.flat_result.span().end());
  }
  push_trampoline(std::move(out), scope);
  return {};
}

Result<> Inliner::define_resource_builtin(const Canon& canon, Scope& scope) {
  CRANK_TRY(auto item, at(scope.types, canon.type, "type"));
  if (item->kind != TypeItem::resource) return bad(concat("type ", canon.type, " is not a resource type"));
  if (canon.op != Builtin::resource_drop && resource(item->resource_id).instance != scope.instance) {
    return bad(concat(name_of(canon.op), " needs a resource that is defined in this component, and type ", canon.type,
                      " is not"));
  }
  Trampoline out{.op = canon.op, .resource = item->resource_id};
  fixed_signature(out);
  push_trampoline(std::move(out), scope);
  return {};
}

Result<> Inliner::define_copy_builtin(const Canon& canon, Scope& scope) {
  TypeKind wanted = is_future(canon.op) ? TypeKind::future : TypeKind::stream;
  CRANK_TRY(auto item, at(scope.types, canon.type, "type"));
  if (item->kind != TypeItem::value || item->type->kind != wanted) {
    return bad(concat(name_of(canon.op), " needs a ", name_of(wanted), " type, and type ", canon.type, " is none"));
  }
  Trampoline out{.op = canon.op, .type = item->type, .async_ = canon.async_};
  bool read = canon.op == Builtin::stream_read || canon.op == Builtin::future_read;
  if (read || canon.op == Builtin::stream_write || canon.op == Builtin::future_write) {
    CRANK_TRY(out.options, options(canon.options, scope, canon.op, false));
    const Options& given = out_->options[index(out.options)];
    out.async_ = given.async_;
    TypeRef element = item->type->element;
    CRANK_TRY_VOID(needs(given, element, read && element && element->has_pointers));
  }
  fixed_signature(out);
  push_trampoline(std::move(out), scope);
  return {};
}

Result<> Inliner::define_canon(const Canon& canon, Scope& scope) {
  if (canon.lift) return define_lift(canon, scope);
  if (canon.op == Builtin::lower) return define_lower(canon, scope);
  if (canon.op >= Builtin::resource_new && canon.op <= Builtin::resource_rep)
    return define_resource_builtin(canon, scope);
  if (canon.op >= Builtin::stream_new && canon.op <= Builtin::future_drop_writable)
    return define_copy_builtin(canon, scope);
  Trampoline out{.op = canon.op, .async_ = canon.async_, .cancellable = canon.cancellable};
  fixed_signature(out);
  switch (canon.op) {
    case Builtin::task_return: {
      Visible ignored;
      CRANK_TRY(out.type, value_type(canon.result, scope, ignored));
      if (out.type && out.type->has_borrow) return bad("the result given to task.return contains a borrow");
      CRANK_TRY(out.options, options(canon.options, scope, canon.op, false));
      bool fits = !out.type || !out.type->flat.overflow;
      CRANK_TRY_VOID(needs(out_->options[index(out.options)], !fits || (out.type && out.type->has_pointers), false));
      if (!fits) {
        out.params = {CoreType::i32};
      } else if (out.type) {
        out.params.assign(out.type->flat.span().begin(), out.type->flat.span().end());
      }
      break;
    }
    case Builtin::context_get:
    case Builtin::context_set:
      if (canon.number >= context_slots)
        return bad(concat("there is no context slot ", canon.number, "; there are ", context_slots));
      out.immediate = canon.number;
      out.wide = canon.wide;
      (canon.op == Builtin::context_get ? out.results : out.params) = {canon.wide ? CoreType::i64 : CoreType::i32};
      break;
    case Builtin::waitable_set_wait:
    case Builtin::waitable_set_poll: {
      CRANK_TRY(out.options, options({{CanonOption::memory, canon.number}}, scope, canon.op, false));
      break;
    }
    case Builtin::error_context_new:
    case Builtin::error_context_debug_message: {
      CRANK_TRY(out.options, options(canon.options, scope, canon.op, false));
      CRANK_TRY_VOID(needs(out_->options[index(out.options)], true, canon.op == Builtin::error_context_debug_message));
      break;
    }
    case Builtin::thread_new_indirect: {
      CRANK_TRY(auto type, at(scope.core_types, canon.type, "core type"));
      const CoreFuncType& start = type->def->func;
      if (type->module || !start.known || start.params != std::vector{core_val(CoreType::i32)} ||
          !start.results.empty()) {
        return bad("the start function of thread.new-indirect must have the core type (func (param i32))");
      }
      CRANK_TRY(auto table, at(scope.core_tables, canon.number, "core table"));
      if (table->type) {
        if (table->type->limits.wide)
          return bad("a table with 64-bit indices needs memory64, which Crank does not support", Code::unsupported);
        if (!(table->type->value == core_funcref))
          return bad("the table given to thread.new-indirect must be a table of funcref");
      }
      out.immediate = canon.type;
      out.table = core_def(CoreSort::table, *table);
      break;
    }
    default: break;
  }
  push_trampoline(std::move(out), scope);
  return {};
}

}  // namespace detail
}  // namespace crank::component
