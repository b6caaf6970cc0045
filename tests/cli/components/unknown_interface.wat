;; Imports an interface that nobody has.
(component
  (import "shop:stock/count@1.2.0" (instance $stock (export "of" (func (param "article" string) (result u32))))))
