/** The assertions that libp2p's compliance suites take from `aegir/chai`. */
import { use } from 'chai'
import chaiAsPromised from 'chai-as-promised'

const chai = use(chaiAsPromised)
chai.use(({ Assertion }, { flag }) => {
  // called there; in chai they are properties, which have done their work by then
  for (const name of ['rejected', 'empty', 'exist']) {
    const property = Object.getOwnPropertyDescriptor(Assertion.prototype, name)
    Object.defineProperty(Assertion.prototype, name, {
      configurable: true,
      get() {
        // oxlint-disable-next-line typescript/unbound-method -- it gets its object here
        const assertion = Reflect.apply(property.get, this, [])
        return () => assertion
      }
    })
  }
  Assertion.addMethod('equalBytes', function equalBytes(expected) {
    new Assertion(Buffer.from(flag(this, 'object')).equals(Buffer.from(expected))).to.equal(true)
  })
})

export const { expect } = chai
