// Resources: resource.new, drop and rep, and own and borrow handles in values.
#include "crank/component/canon.h"
#include "crank/component/resource_object.h"
#include "crank/component/root_state.h"
#include "crank/component/side.h"
#include "crank/component/task.h"

namespace crank::component::detail {

using engine::RawVal;

namespace {

Result<Entry*> find_resource(InstanceState& instance, std::uint32_t index, ResourceId resource) {
  CRANK_TRY(Entry * entry, instance.handles.get(index, EntryKind::resource));
  if (entry->resource != resource) {
    const Program& program = instance.root->program();
    return fail(Code::trap, concat("handle index ", index,
                                   " used with the wrong type, expected guest-defined resource but found a different "
                                   "guest-defined resource (expected ",
                                   program.resources[crank::component::index(resource)].name, ")"));
  }
  return entry;
}

Result<> resource_new(LowerState& e, RawVal* v) {
  CRANK_TRY_VOID(check_may_leave(*e.instance));
  Entry entry;
  entry.kind = EntryKind::resource;
  entry.own = true;
  entry.resource = e.spec->resource;
  entry.rep = v[0].u32;
  CRANK_TRY(std::uint32_t index, e.instance->handles.add(entry));
  v[0].u64 = index;
  return {};
}

Result<> resource_rep(LowerState& e, RawVal* v) {
  CRANK_TRY(Entry * entry, find_resource(*e.instance, v[0].u32, e.spec->resource));
  v[0].u64 = entry->rep;
  return {};
}

}  // namespace

// The destructor is a sync-typed call into the implementing instance; `caller` is null when no guest stands behind it.
Result<> run_destructor(RootState& root, ResourceId resource, std::uint32_t rep, InstanceState* caller,
                        Activation* chain) {
  ResourceState& state = root.resources[index(resource)];
  if (!state.destructor || !state.implementor) {
    if (caller && state.implementor && !may_enter(chain, *state.implementor, caller))
      return fail(Code::trap, "cannot enter component instance");
    return {};
  }
  InstanceState& implementor = *state.implementor;
  if (!may_enter(chain, implementor, caller))
    return fail(Code::trap, concat("cannot enter component instance ", implementor.name(), " to run a destructor"));
  Call task;  // an implicit task: context slots of its own, nothing to return
  RawVal v[1];
  v[0].u64 = rep;
  return call_core(implementor, caller, task, chain, state.destructor, v, 1);
}

namespace {

Result<> resource_drop(LowerState& e, RawVal* v) {
  InstanceState& instance = *e.instance;
  CRANK_TRY_VOID(check_may_leave(instance));
  CRANK_TRY(Entry * entry, find_resource(instance, v[0].u32, e.spec->resource));
  if (entry->lends != 0) return fail(Code::trap, "cannot remove owned resource while borrowed");
  const Entry dropped = *entry;
  instance.handles.remove(v[0].u32);
  if (!dropped.own) {
    if (dropped.scope) --dropped.scope->num_borrows;
    if (dropped.imported) dropped.object->release();
    return {};
  }
  if (!dropped.imported)
    return run_destructor(*instance.root, dropped.resource, dropped.rep, &instance, instance.group->top);
  Ref<HandleObject> object = Ref<HandleObject>::adopt(dropped.object);
  if (auto* guest = dynamic_cast<GuestResource*>(object.get()); guest && guest->own()) {
    // Another root implements it. Its executor is ours when the edge is sync-typed, as one with a destructor is.
    RootState& root = guest->root();
    InstanceState* implementor = root.resources[index(guest->resource())].implementor;
    Hold hold(instance.group->top, *implementor->group);
    if (hold && !root.dead()) {
      guest->disown();
      if (auto r = run_destructor(root, guest->resource(), guest->rep(), &instance, instance.group->top); !r)
        root.die(std::move(r).error());
    }
  }
  return {};
}

}  // namespace

CanonFunction canon_resource(const LowerState& env) {
  switch (env.spec->op) {
    case Builtin::resource_new: return {.plain = plain_trampoline<resource_new>};
    case Builtin::resource_rep: return {.plain = plain_trampoline<resource_rep>};
    case Builtin::resource_drop: return {.plain = plain_trampoline<resource_drop>};
    default: return {};
  }
}

// ---- in values ------------------------------------------------------------------------------------------------------

Result<Ref<HandleObject>> Side::lift_own(TypeRef type, std::uint32_t index) {
  CRANK_TRY(Entry * entry, find_resource(instance_, index, type->resource));
  if (entry->lends != 0) return fail(Code::trap, "cannot remove owned resource while borrowed");
  if (!entry->own) return fail(Code::trap, "cannot lift own resource from a borrow");
  const Entry lifted = *entry;
  instance_.handles.remove(index);
  if (lifted.imported) return Ref<HandleObject>::adopt(lifted.object);
  return Ref<HandleObject>(make_ref<GuestResource>(*instance_.root, lifted.resource, lifted.rep, true));
}

Result<Ref<HandleObject>> Side::lift_borrow(TypeRef type, std::uint32_t index) {
  CRANK_TRY(Entry * entry, find_resource(instance_, index, type->resource));
  if (scope_) {
    ++entry->lends;
    scope_->lenders.push_back(index);
  }
  if (entry->imported) return Ref<HandleObject>::retain(entry->object);
  return Ref<HandleObject>(make_ref<GuestResource>(*instance_.root, entry->resource, entry->rep, false));
}

namespace {

// A value for a resource that this root implements must be one of its own.
Result<GuestResource*> own_resource(InstanceState& instance, TypeRef type, HandleObject* object) {
  auto* guest = dynamic_cast<GuestResource*>(object);
  if (!guest || &guest->root() != instance.root || guest->resource() != type->resource)
    return fail(Code::bad_type,
                "a resource was passed to the component that implements its type, but another one made it");
  return guest;
}

}  // namespace

Result<std::uint32_t> Side::lower_own(TypeRef type, Ref<HandleObject> object) {
  Entry entry;
  entry.kind = EntryKind::resource;
  entry.own = true;
  entry.resource = type->resource;
  const ResourceState& state = instance_.root->resources[index(type->resource)];
  if (state.implementor) {
    CRANK_TRY(GuestResource * guest, own_resource(instance_, type, object.get()));
    entry.rep = guest->rep();
    guest->disown();
    return instance_.handles.add(entry);
  }
  if (!object) return fail(Code::bad_type, "a resource handle is empty");
  entry.imported = true;
  entry.object = object.leak();
  auto added = instance_.handles.add(entry);
  if (!added) entry.object->release();
  return added;
}

Result<std::uint32_t> Side::lower_borrow(TypeRef type, Ref<HandleObject> object) {
  Entry entry;
  entry.kind = EntryKind::resource;
  entry.resource = type->resource;
  entry.scope = scope_;
  const ResourceState& state = instance_.root->resources[index(type->resource)];
  if (state.implementor) {
    CRANK_TRY(GuestResource * guest, own_resource(instance_, type, object.get()));
    if (state.implementor == &instance_) return guest->rep();
    entry.rep = guest->rep();
  } else {
    if (!object) return fail(Code::bad_type, "a resource handle is empty");
    entry.imported = true;
    entry.object = object.leak();
  }
  auto added = instance_.handles.add(entry);
  if (added && scope_) ++scope_->num_borrows;
  if (!added && entry.imported) entry.object->release();
  return added;
}

// ---- handles without a table ----------------------------------------------------------------------------------------

GuestResource::GuestResource(RootState& root, ResourceId resource, std::uint32_t rep, bool own) noexcept
    : root_(root), resource_(resource), rep_(rep), own_(own) {
  root_.retain();
}

GuestResource::~GuestResource() { root_.release(); }

void GuestResource::dispose() noexcept {
  ResourceState& state = root_.resources[index(resource_)];
  if (!own_ || root_.dead() || !state.implementor || !state.destructor) {
    delete this;
    return;
  }
  Group& group = *state.implementor->group;
  job_.object = this;
  job_.group = &group;
  job_.run = [](Job* job) noexcept {
    auto& drop = *static_cast<DropJob*>(job);
    GuestResource* self = drop.object;
    Group& on = *drop.group;
    if (!on.root.dead()) {
      if (auto r = run_destructor(on.root, self->resource_, self->rep_, nullptr, nullptr); !r)
        on.root.die(std::move(r).error());
    }
    delete self;
    on.end_turn();
  };
  group.post(job_);
}

}  // namespace crank::component::detail
