/**
 * A view of an object: `own` answers for the names that it has, the object itself for all others, with its methods
 * bound to it. The object is never copied or inherited from: libp2p's components are a proxy that cannot be spread,
 * and whatever is assigned to an heir of it replaces the part of the whole host.
 */
export const overlay = <T extends object>(target: T, own: Partial<T>): T =>
  new Proxy(target, {
    get: (object, name) => {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name)
      const value: unknown = Reflect.get(object, name)
      // what the object holds itself needs no binding, and may have properties of its own, as a logger has
      return typeof value === 'function' && !Object.hasOwn(object, name) ? value.bind(object) : value
    }
  })
