import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface Certificate {
  networkKey: Uint8Array<ArrayBuffer>
  peerId: Uint8Array<ArrayBuffer>
  name: string
  groups: string[]
  notBeforeMs: number
  notAfterMs: number
  serial: Uint8Array<ArrayBuffer>
  mayAdmit: boolean
  policySignatures: number
  ephemeral: boolean
}

export namespace Certificate {
  let _codec: Codec<Certificate>

  export const codec = (): Codec<Certificate> => {
    if (_codec == null) {
      _codec = message<Certificate>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.networkKey != null && obj.networkKey.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.networkKey)
        }

        if ((obj.peerId != null && obj.peerId.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.peerId)
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(26)
          w.string(obj.name)
        }

        if (obj.groups != null && obj.groups.length > 0) {
          for (const value of obj.groups) {
            w.uint32(34)
            w.string(value)
          }
        }

        if ((obj.notBeforeMs != null && obj.notBeforeMs !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.notBeforeMs)
        }

        if ((obj.notAfterMs != null && obj.notAfterMs !== 0)) {
          w.uint32(48)
          w.uint64Number(obj.notAfterMs)
        }

        if ((obj.serial != null && obj.serial.byteLength > 0)) {
          w.uint32(58)
          w.bytes(obj.serial)
        }

        if ((obj.mayAdmit != null && obj.mayAdmit !== false)) {
          w.uint32(64)
          w.bool(obj.mayAdmit)
        }

        if ((obj.policySignatures != null && obj.policySignatures !== 0)) {
          w.uint32(72)
          w.uint32(obj.policySignatures)
        }

        if ((obj.ephemeral != null && obj.ephemeral !== false)) {
          w.uint32(80)
          w.bool(obj.ephemeral)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          networkKey: uint8ArrayAlloc(0),
          peerId: uint8ArrayAlloc(0),
          name: '',
          groups: [],
          notBeforeMs: 0,
          notAfterMs: 0,
          serial: uint8ArrayAlloc(0),
          mayAdmit: false,
          policySignatures: 0,
          ephemeral: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.networkKey = reader.bytes()
              break
            }
            case 2: {
              obj.peerId = reader.bytes()
              break
            }
            case 3: {
              obj.name = reader.string()
              break
            }
            case 4: {
              if (opts.limits?.groups != null && obj.groups.length === opts.limits.groups) {
                throw new MaxLengthError('Decode error - repeated field "groups" had too many elements')
              }

              obj.groups.push(reader.string())
              break
            }
            case 5: {
              obj.notBeforeMs = reader.uint64Number()
              break
            }
            case 6: {
              obj.notAfterMs = reader.uint64Number()
              break
            }
            case 7: {
              obj.serial = reader.bytes()
              break
            }
            case 8: {
              obj.mayAdmit = reader.bool()
              break
            }
            case 9: {
              obj.policySignatures = reader.uint32()
              break
            }
            case 10: {
              obj.ephemeral = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          groups: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.networkKey`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.peerId`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 4: {
              if (opts.limits?.groups != null && obj.groups === opts.limits.groups) {
                throw new MaxLengthError('Streaming decode error - repeated field "groups" had too many elements')
              }

              yield {
                field: `${prefix}.groups[]`,
                index: obj.groups,
                value: reader.string()
              }

              obj.groups++

              break
            }
            case 5: {
              yield {
                field: `${prefix}.notBeforeMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.notAfterMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.serial`,
                value: reader.bytes()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.mayAdmit`,
                value: reader.bool()
              }
              break
            }
            case 9: {
              yield {
                field: `${prefix}.policySignatures`,
                value: reader.uint32()
              }
              break
            }
            case 10: {
              yield {
                field: `${prefix}.ephemeral`,
                value: reader.bool()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface CertificateNetworkKeyFieldEvent {
    field: '$.networkKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface CertificatePeerIdFieldEvent {
    field: '$.peerId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface CertificateNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface CertificateGroupsFieldEvent {
    field: '$.groups[]'
    index: number
    value: string
  }

  export interface CertificateNotBeforeMsFieldEvent {
    field: '$.notBeforeMs'
    value: number
  }

  export interface CertificateNotAfterMsFieldEvent {
    field: '$.notAfterMs'
    value: number
  }

  export interface CertificateSerialFieldEvent {
    field: '$.serial'
    value: Uint8Array<ArrayBuffer>
  }

  export interface CertificateMayAdmitFieldEvent {
    field: '$.mayAdmit'
    value: boolean
  }

  export interface CertificatePolicySignaturesFieldEvent {
    field: '$.policySignatures'
    value: number
  }

  export interface CertificateEphemeralFieldEvent {
    field: '$.ephemeral'
    value: boolean
  }

  export function encode (obj: Partial<Certificate>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Certificate.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Certificate>): Certificate {
    return decodeMessage(buf, Certificate.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Certificate>): Generator<CertificateNetworkKeyFieldEvent | CertificatePeerIdFieldEvent | CertificateNameFieldEvent | CertificateGroupsFieldEvent | CertificateNotBeforeMsFieldEvent | CertificateNotAfterMsFieldEvent | CertificateSerialFieldEvent | CertificateMayAdmitFieldEvent | CertificatePolicySignaturesFieldEvent | CertificateEphemeralFieldEvent> {
    return streamMessage(buf, Certificate.codec(), opts)
  }
}

export interface CertificateRequest {
  peerId: Uint8Array<ArrayBuffer>
  name: string
  groups: string[]
  timeMs: number
}

export namespace CertificateRequest {
  let _codec: Codec<CertificateRequest>

  export const codec = (): Codec<CertificateRequest> => {
    if (_codec == null) {
      _codec = message<CertificateRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.peerId != null && obj.peerId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.peerId)
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(18)
          w.string(obj.name)
        }

        if (obj.groups != null && obj.groups.length > 0) {
          for (const value of obj.groups) {
            w.uint32(26)
            w.string(value)
          }
        }

        if ((obj.timeMs != null && obj.timeMs !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.timeMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peerId: uint8ArrayAlloc(0),
          name: '',
          groups: [],
          timeMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peerId = reader.bytes()
              break
            }
            case 2: {
              obj.name = reader.string()
              break
            }
            case 3: {
              if (opts.limits?.groups != null && obj.groups.length === opts.limits.groups) {
                throw new MaxLengthError('Decode error - repeated field "groups" had too many elements')
              }

              obj.groups.push(reader.string())
              break
            }
            case 4: {
              obj.timeMs = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          groups: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.peerId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 3: {
              if (opts.limits?.groups != null && obj.groups === opts.limits.groups) {
                throw new MaxLengthError('Streaming decode error - repeated field "groups" had too many elements')
              }

              yield {
                field: `${prefix}.groups[]`,
                index: obj.groups,
                value: reader.string()
              }

              obj.groups++

              break
            }
            case 4: {
              yield {
                field: `${prefix}.timeMs`,
                value: reader.uint64Number()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface CertificateRequestPeerIdFieldEvent {
    field: '$.peerId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface CertificateRequestNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface CertificateRequestGroupsFieldEvent {
    field: '$.groups[]'
    index: number
    value: string
  }

  export interface CertificateRequestTimeMsFieldEvent {
    field: '$.timeMs'
    value: number
  }

  export function encode (obj: Partial<CertificateRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, CertificateRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<CertificateRequest>): CertificateRequest {
    return decodeMessage(buf, CertificateRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<CertificateRequest>): Generator<CertificateRequestPeerIdFieldEvent | CertificateRequestNameFieldEvent | CertificateRequestGroupsFieldEvent | CertificateRequestTimeMsFieldEvent> {
    return streamMessage(buf, CertificateRequest.codec(), opts)
  }
}

export interface CertificateGrant {
  networkKey: Uint8Array<ArrayBuffer>
  chain: Uint8Array<ArrayBuffer>[]
  addresses: Uint8Array<ArrayBuffer>[]
}

export namespace CertificateGrant {
  let _codec: Codec<CertificateGrant>

  export const codec = (): Codec<CertificateGrant> => {
    if (_codec == null) {
      _codec = message<CertificateGrant>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.networkKey != null && obj.networkKey.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.networkKey)
        }

        if (obj.chain != null && obj.chain.length > 0) {
          for (const value of obj.chain) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(26)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          networkKey: uint8ArrayAlloc(0),
          chain: [],
          addresses: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.networkKey = reader.bytes()
              break
            }
            case 2: {
              if (opts.limits?.chain != null && obj.chain.length === opts.limits.chain) {
                throw new MaxLengthError('Decode error - repeated field "chain" had too many elements')
              }

              obj.chain.push(reader.bytes())
              break
            }
            case 3: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.bytes())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          chain: 0,
          addresses: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.networkKey`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              if (opts.limits?.chain != null && obj.chain === opts.limits.chain) {
                throw new MaxLengthError('Streaming decode error - repeated field "chain" had too many elements')
              }

              yield {
                field: `${prefix}.chain[]`,
                index: obj.chain,
                value: reader.bytes()
              }

              obj.chain++

              break
            }
            case 3: {
              if (opts.limits?.addresses != null && obj.addresses === opts.limits.addresses) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              yield {
                field: `${prefix}.addresses[]`,
                index: obj.addresses,
                value: reader.bytes()
              }

              obj.addresses++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface CertificateGrantNetworkKeyFieldEvent {
    field: '$.networkKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface CertificateGrantChainFieldEvent {
    field: '$.chain[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface CertificateGrantAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<CertificateGrant>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, CertificateGrant.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<CertificateGrant>): CertificateGrant {
    return decodeMessage(buf, CertificateGrant.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<CertificateGrant>): Generator<CertificateGrantNetworkKeyFieldEvent | CertificateGrantChainFieldEvent | CertificateGrantAddressesFieldEvent> {
    return streamMessage(buf, CertificateGrant.codec(), opts)
  }
}

export interface SignedDocument {
  envelope: Uint8Array<ArrayBuffer>
  chain: Uint8Array<ArrayBuffer>[]
}

export namespace SignedDocument {
  let _codec: Codec<SignedDocument>

  export const codec = (): Codec<SignedDocument> => {
    if (_codec == null) {
      _codec = message<SignedDocument>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.envelope != null && obj.envelope.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.envelope)
        }

        if (obj.chain != null && obj.chain.length > 0) {
          for (const value of obj.chain) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          envelope: uint8ArrayAlloc(0),
          chain: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.envelope = reader.bytes()
              break
            }
            case 2: {
              if (opts.limits?.chain != null && obj.chain.length === opts.limits.chain) {
                throw new MaxLengthError('Decode error - repeated field "chain" had too many elements')
              }

              obj.chain.push(reader.bytes())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          chain: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.envelope`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              if (opts.limits?.chain != null && obj.chain === opts.limits.chain) {
                throw new MaxLengthError('Streaming decode error - repeated field "chain" had too many elements')
              }

              yield {
                field: `${prefix}.chain[]`,
                index: obj.chain,
                value: reader.bytes()
              }

              obj.chain++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface SignedDocumentEnvelopeFieldEvent {
    field: '$.envelope'
    value: Uint8Array<ArrayBuffer>
  }

  export interface SignedDocumentChainFieldEvent {
    field: '$.chain[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<SignedDocument>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, SignedDocument.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SignedDocument>): SignedDocument {
    return decodeMessage(buf, SignedDocument.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SignedDocument>): Generator<SignedDocumentEnvelopeFieldEvent | SignedDocumentChainFieldEvent> {
    return streamMessage(buf, SignedDocument.codec(), opts)
  }
}

export interface PolicyDocument {
  networkKey: Uint8Array<ArrayBuffer>
  version: number
  issuedMs: number
  source: string
}

export namespace PolicyDocument {
  let _codec: Codec<PolicyDocument>

  export const codec = (): Codec<PolicyDocument> => {
    if (_codec == null) {
      _codec = message<PolicyDocument>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.networkKey != null && obj.networkKey.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.networkKey)
        }

        if ((obj.version != null && obj.version !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.version)
        }

        if ((obj.issuedMs != null && obj.issuedMs !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.issuedMs)
        }

        if ((obj.source != null && obj.source !== '')) {
          w.uint32(34)
          w.string(obj.source)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          networkKey: uint8ArrayAlloc(0),
          version: 0,
          issuedMs: 0,
          source: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.networkKey = reader.bytes()
              break
            }
            case 2: {
              obj.version = reader.uint64Number()
              break
            }
            case 3: {
              obj.issuedMs = reader.uint64Number()
              break
            }
            case 4: {
              obj.source = reader.string()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.networkKey`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.version`,
                value: reader.uint64Number()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.issuedMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.source`,
                value: reader.string()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface PolicyDocumentNetworkKeyFieldEvent {
    field: '$.networkKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface PolicyDocumentVersionFieldEvent {
    field: '$.version'
    value: number
  }

  export interface PolicyDocumentIssuedMsFieldEvent {
    field: '$.issuedMs'
    value: number
  }

  export interface PolicyDocumentSourceFieldEvent {
    field: '$.source'
    value: string
  }

  export function encode (obj: Partial<PolicyDocument>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, PolicyDocument.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PolicyDocument>): PolicyDocument {
    return decodeMessage(buf, PolicyDocument.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PolicyDocument>): Generator<PolicyDocumentNetworkKeyFieldEvent | PolicyDocumentVersionFieldEvent | PolicyDocumentIssuedMsFieldEvent | PolicyDocumentSourceFieldEvent> {
    return streamMessage(buf, PolicyDocument.codec(), opts)
  }
}

export interface SignedPolicy {
  signatures: SignedDocument[]
}

export namespace SignedPolicy {
  let _codec: Codec<SignedPolicy>

  export const codec = (): Codec<SignedPolicy> => {
    if (_codec == null) {
      _codec = message<SignedPolicy>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.signatures != null && obj.signatures.length > 0) {
          for (const value of obj.signatures) {
            w.uint32(10)
            SignedDocument.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          signatures: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.signatures != null && obj.signatures.length === opts.limits.signatures) {
                throw new MaxLengthError('Decode error - repeated field "signatures" had too many elements')
              }

              obj.signatures.push(SignedDocument.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.signatures$
              }))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          signatures: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.signatures != null && obj.signatures === opts.limits.signatures) {
                throw new MaxLengthError('Streaming decode error - repeated field "signatures" had too many elements')
              }

              for (const evt of SignedDocument.codec().stream(reader, reader.uint32(), `${prefix}.signatures[]`, {
                limits: opts.limits?.signatures$
              })) {
                yield {
                  ...evt,
                  index: obj.signatures
                }
              }

              obj.signatures++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface SignedPolicySignaturesEnvelopeFieldEvent {
    field: '$.signatures[].envelope'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface SignedPolicySignaturesChainFieldEvent {
    field: '$.signatures[].chain[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<SignedPolicy>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, SignedPolicy.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SignedPolicy>): SignedPolicy {
    return decodeMessage(buf, SignedPolicy.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SignedPolicy>): Generator<SignedPolicySignaturesEnvelopeFieldEvent | SignedPolicySignaturesChainFieldEvent> {
    return streamMessage(buf, SignedPolicy.codec(), opts)
  }
}

export interface Revocation {
  networkKey: Uint8Array<ArrayBuffer>
  peerId: Uint8Array<ArrayBuffer>
  serial: Uint8Array<ArrayBuffer>
  revokedMs: number
  untilMs: number
  reason: string
  succession: Uint8Array<ArrayBuffer>
}

export namespace Revocation {
  let _codec: Codec<Revocation>

  export const codec = (): Codec<Revocation> => {
    if (_codec == null) {
      _codec = message<Revocation>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.networkKey != null && obj.networkKey.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.networkKey)
        }

        if ((obj.peerId != null && obj.peerId.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.peerId)
        }

        if ((obj.serial != null && obj.serial.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.serial)
        }

        if ((obj.revokedMs != null && obj.revokedMs !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.revokedMs)
        }

        if ((obj.untilMs != null && obj.untilMs !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.untilMs)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(50)
          w.string(obj.reason)
        }

        if ((obj.succession != null && obj.succession.byteLength > 0)) {
          w.uint32(58)
          w.bytes(obj.succession)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          networkKey: uint8ArrayAlloc(0),
          peerId: uint8ArrayAlloc(0),
          serial: uint8ArrayAlloc(0),
          revokedMs: 0,
          untilMs: 0,
          reason: '',
          succession: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.networkKey = reader.bytes()
              break
            }
            case 2: {
              obj.peerId = reader.bytes()
              break
            }
            case 3: {
              obj.serial = reader.bytes()
              break
            }
            case 4: {
              obj.revokedMs = reader.uint64Number()
              break
            }
            case 5: {
              obj.untilMs = reader.uint64Number()
              break
            }
            case 6: {
              obj.reason = reader.string()
              break
            }
            case 7: {
              obj.succession = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.networkKey`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.peerId`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.serial`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.revokedMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.untilMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.reason`,
                value: reader.string()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.succession`,
                value: reader.bytes()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RevocationNetworkKeyFieldEvent {
    field: '$.networkKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RevocationPeerIdFieldEvent {
    field: '$.peerId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RevocationSerialFieldEvent {
    field: '$.serial'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RevocationRevokedMsFieldEvent {
    field: '$.revokedMs'
    value: number
  }

  export interface RevocationUntilMsFieldEvent {
    field: '$.untilMs'
    value: number
  }

  export interface RevocationReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface RevocationSuccessionFieldEvent {
    field: '$.succession'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Revocation>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Revocation.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Revocation>): Revocation {
    return decodeMessage(buf, Revocation.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Revocation>): Generator<RevocationNetworkKeyFieldEvent | RevocationPeerIdFieldEvent | RevocationSerialFieldEvent | RevocationRevokedMsFieldEvent | RevocationUntilMsFieldEvent | RevocationReasonFieldEvent | RevocationSuccessionFieldEvent> {
    return streamMessage(buf, Revocation.codec(), opts)
  }
}

export interface Succession {
  networkKey: Uint8Array<ArrayBuffer>
  oldPeer: Uint8Array<ArrayBuffer>
  newPeer: Uint8Array<ArrayBuffer>
  timeMs: number
}

export namespace Succession {
  let _codec: Codec<Succession>

  export const codec = (): Codec<Succession> => {
    if (_codec == null) {
      _codec = message<Succession>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.networkKey != null && obj.networkKey.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.networkKey)
        }

        if ((obj.oldPeer != null && obj.oldPeer.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.oldPeer)
        }

        if ((obj.newPeer != null && obj.newPeer.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.newPeer)
        }

        if ((obj.timeMs != null && obj.timeMs !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.timeMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          networkKey: uint8ArrayAlloc(0),
          oldPeer: uint8ArrayAlloc(0),
          newPeer: uint8ArrayAlloc(0),
          timeMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.networkKey = reader.bytes()
              break
            }
            case 2: {
              obj.oldPeer = reader.bytes()
              break
            }
            case 3: {
              obj.newPeer = reader.bytes()
              break
            }
            case 4: {
              obj.timeMs = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.networkKey`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.oldPeer`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.newPeer`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.timeMs`,
                value: reader.uint64Number()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface SuccessionNetworkKeyFieldEvent {
    field: '$.networkKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface SuccessionOldPeerFieldEvent {
    field: '$.oldPeer'
    value: Uint8Array<ArrayBuffer>
  }

  export interface SuccessionNewPeerFieldEvent {
    field: '$.newPeer'
    value: Uint8Array<ArrayBuffer>
  }

  export interface SuccessionTimeMsFieldEvent {
    field: '$.timeMs'
    value: number
  }

  export function encode (obj: Partial<Succession>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Succession.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Succession>): Succession {
    return decodeMessage(buf, Succession.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Succession>): Generator<SuccessionNetworkKeyFieldEvent | SuccessionOldPeerFieldEvent | SuccessionNewPeerFieldEvent | SuccessionTimeMsFieldEvent> {
    return streamMessage(buf, Succession.codec(), opts)
  }
}

export interface RenewRequest {
  succession: Uint8Array<ArrayBuffer>
  stored: boolean
}

export namespace RenewRequest {
  let _codec: Codec<RenewRequest>

  export const codec = (): Codec<RenewRequest> => {
    if (_codec == null) {
      _codec = message<RenewRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.succession != null && obj.succession.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.succession)
        }

        if ((obj.stored != null && obj.stored !== false)) {
          w.uint32(16)
          w.bool(obj.stored)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          succession: uint8ArrayAlloc(0),
          stored: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.succession = reader.bytes()
              break
            }
            case 2: {
              obj.stored = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.succession`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.stored`,
                value: reader.bool()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RenewRequestSuccessionFieldEvent {
    field: '$.succession'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RenewRequestStoredFieldEvent {
    field: '$.stored'
    value: boolean
  }

  export function encode (obj: Partial<RenewRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, RenewRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RenewRequest>): RenewRequest {
    return decodeMessage(buf, RenewRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RenewRequest>): Generator<RenewRequestSuccessionFieldEvent | RenewRequestStoredFieldEvent> {
    return streamMessage(buf, RenewRequest.codec(), opts)
  }
}

export interface RenewAnswer {
  code: number
  reason: string
  chain: Uint8Array<ArrayBuffer>[]
}

export namespace RenewAnswer {
  let _codec: Codec<RenewAnswer>

  export const codec = (): Codec<RenewAnswer> => {
    if (_codec == null) {
      _codec = message<RenewAnswer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== 0)) {
          w.uint32(8)
          w.uint32(obj.code)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(18)
          w.string(obj.reason)
        }

        if (obj.chain != null && obj.chain.length > 0) {
          for (const value of obj.chain) {
            w.uint32(26)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: 0,
          reason: '',
          chain: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.uint32()
              break
            }
            case 2: {
              obj.reason = reader.string()
              break
            }
            case 3: {
              if (opts.limits?.chain != null && obj.chain.length === opts.limits.chain) {
                throw new MaxLengthError('Decode error - repeated field "chain" had too many elements')
              }

              obj.chain.push(reader.bytes())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          chain: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.code`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.reason`,
                value: reader.string()
              }
              break
            }
            case 3: {
              if (opts.limits?.chain != null && obj.chain === opts.limits.chain) {
                throw new MaxLengthError('Streaming decode error - repeated field "chain" had too many elements')
              }

              yield {
                field: `${prefix}.chain[]`,
                index: obj.chain,
                value: reader.bytes()
              }

              obj.chain++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RenewAnswerCodeFieldEvent {
    field: '$.code'
    value: number
  }

  export interface RenewAnswerReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface RenewAnswerChainFieldEvent {
    field: '$.chain[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<RenewAnswer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, RenewAnswer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RenewAnswer>): RenewAnswer {
    return decodeMessage(buf, RenewAnswer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RenewAnswer>): Generator<RenewAnswerCodeFieldEvent | RenewAnswerReasonFieldEvent | RenewAnswerChainFieldEvent> {
    return streamMessage(buf, RenewAnswer.codec(), opts)
  }
}

export interface SyncState {
  kind: string
  digest: Uint8Array<ArrayBuffer>
  version: number
  ageMs: number
}

export namespace SyncState {
  let _codec: Codec<SyncState>

  export const codec = (): Codec<SyncState> => {
    if (_codec == null) {
      _codec = message<SyncState>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.kind != null && obj.kind !== '')) {
          w.uint32(10)
          w.string(obj.kind)
        }

        if ((obj.digest != null && obj.digest.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.digest)
        }

        if ((obj.version != null && obj.version !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.version)
        }

        if ((obj.ageMs != null && obj.ageMs !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.ageMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          kind: '',
          digest: uint8ArrayAlloc(0),
          version: 0,
          ageMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.kind = reader.string()
              break
            }
            case 2: {
              obj.digest = reader.bytes()
              break
            }
            case 3: {
              obj.version = reader.uint64Number()
              break
            }
            case 4: {
              obj.ageMs = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.kind`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.digest`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.version`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.ageMs`,
                value: reader.uint64Number()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface SyncStateKindFieldEvent {
    field: '$.kind'
    value: string
  }

  export interface SyncStateDigestFieldEvent {
    field: '$.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface SyncStateVersionFieldEvent {
    field: '$.version'
    value: number
  }

  export interface SyncStateAgeMsFieldEvent {
    field: '$.ageMs'
    value: number
  }

  export function encode (obj: Partial<SyncState>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, SyncState.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncState>): SyncState {
    return decodeMessage(buf, SyncState.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncState>): Generator<SyncStateKindFieldEvent | SyncStateDigestFieldEvent | SyncStateVersionFieldEvent | SyncStateAgeMsFieldEvent> {
    return streamMessage(buf, SyncState.codec(), opts)
  }
}

export interface SyncAnnouncement {
  states: SyncState[]
  timeMs: number
}

export namespace SyncAnnouncement {
  let _codec: Codec<SyncAnnouncement>

  export const codec = (): Codec<SyncAnnouncement> => {
    if (_codec == null) {
      _codec = message<SyncAnnouncement>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.states != null && obj.states.length > 0) {
          for (const value of obj.states) {
            w.uint32(10)
            SyncState.codec().encode(value, w)
          }
        }

        if ((obj.timeMs != null && obj.timeMs !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.timeMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          states: [],
          timeMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.states != null && obj.states.length === opts.limits.states) {
                throw new MaxLengthError('Decode error - repeated field "states" had too many elements')
              }

              obj.states.push(SyncState.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.states$
              }))
              break
            }
            case 2: {
              obj.timeMs = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          states: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.states != null && obj.states === opts.limits.states) {
                throw new MaxLengthError('Streaming decode error - repeated field "states" had too many elements')
              }

              for (const evt of SyncState.codec().stream(reader, reader.uint32(), `${prefix}.states[]`, {
                limits: opts.limits?.states$
              })) {
                yield {
                  ...evt,
                  index: obj.states
                }
              }

              obj.states++

              break
            }
            case 2: {
              yield {
                field: `${prefix}.timeMs`,
                value: reader.uint64Number()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface SyncAnnouncementStatesKindFieldEvent {
    field: '$.states[].kind'
    value: string
    index: number
  }

  export interface SyncAnnouncementStatesDigestFieldEvent {
    field: '$.states[].digest'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface SyncAnnouncementStatesVersionFieldEvent {
    field: '$.states[].version'
    value: number
    index: number
  }

  export interface SyncAnnouncementStatesAgeMsFieldEvent {
    field: '$.states[].ageMs'
    value: number
    index: number
  }

  export interface SyncAnnouncementTimeMsFieldEvent {
    field: '$.timeMs'
    value: number
  }

  export function encode (obj: Partial<SyncAnnouncement>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, SyncAnnouncement.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncAnnouncement>): SyncAnnouncement {
    return decodeMessage(buf, SyncAnnouncement.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncAnnouncement>): Generator<SyncAnnouncementStatesKindFieldEvent | SyncAnnouncementStatesDigestFieldEvent | SyncAnnouncementStatesVersionFieldEvent | SyncAnnouncementStatesAgeMsFieldEvent | SyncAnnouncementTimeMsFieldEvent> {
    return streamMessage(buf, SyncAnnouncement.codec(), opts)
  }
}

export interface SyncRequest {
  state?: SyncState
  held: Uint8Array<ArrayBuffer>[]
}

export namespace SyncRequest {
  let _codec: Codec<SyncRequest>

  export const codec = (): Codec<SyncRequest> => {
    if (_codec == null) {
      _codec = message<SyncRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.state != null) {
          w.uint32(10)
          SyncState.codec().encode(obj.state, w)
        }

        if (obj.held != null && obj.held.length > 0) {
          for (const value of obj.held) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          held: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.state = SyncState.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.state
              })
              break
            }
            case 2: {
              if (opts.limits?.held != null && obj.held.length === opts.limits.held) {
                throw new MaxLengthError('Decode error - repeated field "held" had too many elements')
              }

              obj.held.push(reader.bytes())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          held: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * SyncState.codec().stream(reader, reader.uint32(), `${prefix}.state`, {
                limits: opts.limits?.state
              })

              break
            }
            case 2: {
              if (opts.limits?.held != null && obj.held === opts.limits.held) {
                throw new MaxLengthError('Streaming decode error - repeated field "held" had too many elements')
              }

              yield {
                field: `${prefix}.held[]`,
                index: obj.held,
                value: reader.bytes()
              }

              obj.held++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface SyncRequestStateKindFieldEvent {
    field: '$.state.kind'
    value: string
  }

  export interface SyncRequestStateDigestFieldEvent {
    field: '$.state.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface SyncRequestStateVersionFieldEvent {
    field: '$.state.version'
    value: number
  }

  export interface SyncRequestStateAgeMsFieldEvent {
    field: '$.state.ageMs'
    value: number
  }

  export interface SyncRequestHeldFieldEvent {
    field: '$.held[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<SyncRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, SyncRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncRequest>): SyncRequest {
    return decodeMessage(buf, SyncRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncRequest>): Generator<SyncRequestStateKindFieldEvent | SyncRequestStateDigestFieldEvent | SyncRequestStateVersionFieldEvent | SyncRequestStateAgeMsFieldEvent | SyncRequestHeldFieldEvent> {
    return streamMessage(buf, SyncRequest.codec(), opts)
  }
}

export interface SyncAnswer {
  code: number
  reason: string
  state?: SyncState
  items: Uint8Array<ArrayBuffer>[]
  hasMore: boolean
  wanted: Uint8Array<ArrayBuffer>[]
}

export namespace SyncAnswer {
  let _codec: Codec<SyncAnswer>

  export const codec = (): Codec<SyncAnswer> => {
    if (_codec == null) {
      _codec = message<SyncAnswer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== 0)) {
          w.uint32(8)
          w.uint32(obj.code)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(18)
          w.string(obj.reason)
        }

        if (obj.state != null) {
          w.uint32(26)
          SyncState.codec().encode(obj.state, w)
        }

        if (obj.items != null && obj.items.length > 0) {
          for (const value of obj.items) {
            w.uint32(34)
            w.bytes(value)
          }
        }

        if ((obj.hasMore != null && obj.hasMore !== false)) {
          w.uint32(40)
          w.bool(obj.hasMore)
        }

        if (obj.wanted != null && obj.wanted.length > 0) {
          for (const value of obj.wanted) {
            w.uint32(50)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: 0,
          reason: '',
          items: [],
          hasMore: false,
          wanted: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.uint32()
              break
            }
            case 2: {
              obj.reason = reader.string()
              break
            }
            case 3: {
              obj.state = SyncState.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.state
              })
              break
            }
            case 4: {
              if (opts.limits?.items != null && obj.items.length === opts.limits.items) {
                throw new MaxLengthError('Decode error - repeated field "items" had too many elements')
              }

              obj.items.push(reader.bytes())
              break
            }
            case 5: {
              obj.hasMore = reader.bool()
              break
            }
            case 6: {
              if (opts.limits?.wanted != null && obj.wanted.length === opts.limits.wanted) {
                throw new MaxLengthError('Decode error - repeated field "wanted" had too many elements')
              }

              obj.wanted.push(reader.bytes())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          items: 0,
          wanted: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.code`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.reason`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield * SyncState.codec().stream(reader, reader.uint32(), `${prefix}.state`, {
                limits: opts.limits?.state
              })

              break
            }
            case 4: {
              if (opts.limits?.items != null && obj.items === opts.limits.items) {
                throw new MaxLengthError('Streaming decode error - repeated field "items" had too many elements')
              }

              yield {
                field: `${prefix}.items[]`,
                index: obj.items,
                value: reader.bytes()
              }

              obj.items++

              break
            }
            case 5: {
              yield {
                field: `${prefix}.hasMore`,
                value: reader.bool()
              }
              break
            }
            case 6: {
              if (opts.limits?.wanted != null && obj.wanted === opts.limits.wanted) {
                throw new MaxLengthError('Streaming decode error - repeated field "wanted" had too many elements')
              }

              yield {
                field: `${prefix}.wanted[]`,
                index: obj.wanted,
                value: reader.bytes()
              }

              obj.wanted++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface SyncAnswerCodeFieldEvent {
    field: '$.code'
    value: number
  }

  export interface SyncAnswerReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface SyncAnswerStateKindFieldEvent {
    field: '$.state.kind'
    value: string
  }

  export interface SyncAnswerStateDigestFieldEvent {
    field: '$.state.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface SyncAnswerStateVersionFieldEvent {
    field: '$.state.version'
    value: number
  }

  export interface SyncAnswerStateAgeMsFieldEvent {
    field: '$.state.ageMs'
    value: number
  }

  export interface SyncAnswerItemsFieldEvent {
    field: '$.items[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface SyncAnswerHasMoreFieldEvent {
    field: '$.hasMore'
    value: boolean
  }

  export interface SyncAnswerWantedFieldEvent {
    field: '$.wanted[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<SyncAnswer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, SyncAnswer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncAnswer>): SyncAnswer {
    return decodeMessage(buf, SyncAnswer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncAnswer>): Generator<SyncAnswerCodeFieldEvent | SyncAnswerReasonFieldEvent | SyncAnswerStateKindFieldEvent | SyncAnswerStateDigestFieldEvent | SyncAnswerStateVersionFieldEvent | SyncAnswerStateAgeMsFieldEvent | SyncAnswerItemsFieldEvent | SyncAnswerHasMoreFieldEvent | SyncAnswerWantedFieldEvent> {
    return streamMessage(buf, SyncAnswer.codec(), opts)
  }
}

export interface SyncDelivery {
  items: Uint8Array<ArrayBuffer>[]
}

export namespace SyncDelivery {
  let _codec: Codec<SyncDelivery>

  export const codec = (): Codec<SyncDelivery> => {
    if (_codec == null) {
      _codec = message<SyncDelivery>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.items != null && obj.items.length > 0) {
          for (const value of obj.items) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          items: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.items != null && obj.items.length === opts.limits.items) {
                throw new MaxLengthError('Decode error - repeated field "items" had too many elements')
              }

              obj.items.push(reader.bytes())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          items: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.items != null && obj.items === opts.limits.items) {
                throw new MaxLengthError('Streaming decode error - repeated field "items" had too many elements')
              }

              yield {
                field: `${prefix}.items[]`,
                index: obj.items,
                value: reader.bytes()
              }

              obj.items++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface SyncDeliveryItemsFieldEvent {
    field: '$.items[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<SyncDelivery>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, SyncDelivery.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncDelivery>): SyncDelivery {
    return decodeMessage(buf, SyncDelivery.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncDelivery>): Generator<SyncDeliveryItemsFieldEvent> {
    return streamMessage(buf, SyncDelivery.codec(), opts)
  }
}

export interface AgentRecord {
  peerId: Uint8Array<ArrayBuffer>
  network: string
  sequence: number
  issuedMs: number
  ttlMs: number
  addresses: Uint8Array<ArrayBuffer>[]
  services: ServiceInfo[]
  capabilities: string[]
  withdrawn: boolean
  chain: Uint8Array<ArrayBuffer>[]
  cardHash: Uint8Array<ArrayBuffer>
}

export namespace AgentRecord {
  let _codec: Codec<AgentRecord>

  export const codec = (): Codec<AgentRecord> => {
    if (_codec == null) {
      _codec = message<AgentRecord>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.peerId != null && obj.peerId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.peerId)
        }

        if ((obj.network != null && obj.network !== '')) {
          w.uint32(18)
          w.string(obj.network)
        }

        if ((obj.sequence != null && obj.sequence !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.sequence)
        }

        if ((obj.issuedMs != null && obj.issuedMs !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.issuedMs)
        }

        if ((obj.ttlMs != null && obj.ttlMs !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.ttlMs)
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(50)
            w.bytes(value)
          }
        }

        if (obj.services != null && obj.services.length > 0) {
          for (const value of obj.services) {
            w.uint32(58)
            ServiceInfo.codec().encode(value, w)
          }
        }

        if (obj.capabilities != null && obj.capabilities.length > 0) {
          for (const value of obj.capabilities) {
            w.uint32(66)
            w.string(value)
          }
        }

        if ((obj.withdrawn != null && obj.withdrawn !== false)) {
          w.uint32(72)
          w.bool(obj.withdrawn)
        }

        if (obj.chain != null && obj.chain.length > 0) {
          for (const value of obj.chain) {
            w.uint32(82)
            w.bytes(value)
          }
        }

        if ((obj.cardHash != null && obj.cardHash.byteLength > 0)) {
          w.uint32(90)
          w.bytes(obj.cardHash)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peerId: uint8ArrayAlloc(0),
          network: '',
          sequence: 0,
          issuedMs: 0,
          ttlMs: 0,
          addresses: [],
          services: [],
          capabilities: [],
          withdrawn: false,
          chain: [],
          cardHash: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peerId = reader.bytes()
              break
            }
            case 2: {
              obj.network = reader.string()
              break
            }
            case 3: {
              obj.sequence = reader.uint64Number()
              break
            }
            case 4: {
              obj.issuedMs = reader.uint64Number()
              break
            }
            case 5: {
              obj.ttlMs = reader.uint64Number()
              break
            }
            case 6: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.bytes())
              break
            }
            case 7: {
              if (opts.limits?.services != null && obj.services.length === opts.limits.services) {
                throw new MaxLengthError('Decode error - repeated field "services" had too many elements')
              }

              obj.services.push(ServiceInfo.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.services$
              }))
              break
            }
            case 8: {
              if (opts.limits?.capabilities != null && obj.capabilities.length === opts.limits.capabilities) {
                throw new MaxLengthError('Decode error - repeated field "capabilities" had too many elements')
              }

              obj.capabilities.push(reader.string())
              break
            }
            case 9: {
              obj.withdrawn = reader.bool()
              break
            }
            case 10: {
              if (opts.limits?.chain != null && obj.chain.length === opts.limits.chain) {
                throw new MaxLengthError('Decode error - repeated field "chain" had too many elements')
              }

              obj.chain.push(reader.bytes())
              break
            }
            case 11: {
              obj.cardHash = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          addresses: 0,
          services: 0,
          capabilities: 0,
          chain: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.peerId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.network`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.sequence`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.issuedMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.ttlMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 6: {
              if (opts.limits?.addresses != null && obj.addresses === opts.limits.addresses) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              yield {
                field: `${prefix}.addresses[]`,
                index: obj.addresses,
                value: reader.bytes()
              }

              obj.addresses++

              break
            }
            case 7: {
              if (opts.limits?.services != null && obj.services === opts.limits.services) {
                throw new MaxLengthError('Streaming decode error - repeated field "services" had too many elements')
              }

              for (const evt of ServiceInfo.codec().stream(reader, reader.uint32(), `${prefix}.services[]`, {
                limits: opts.limits?.services$
              })) {
                yield {
                  ...evt,
                  index: obj.services
                }
              }

              obj.services++

              break
            }
            case 8: {
              if (opts.limits?.capabilities != null && obj.capabilities === opts.limits.capabilities) {
                throw new MaxLengthError('Streaming decode error - repeated field "capabilities" had too many elements')
              }

              yield {
                field: `${prefix}.capabilities[]`,
                index: obj.capabilities,
                value: reader.string()
              }

              obj.capabilities++

              break
            }
            case 9: {
              yield {
                field: `${prefix}.withdrawn`,
                value: reader.bool()
              }
              break
            }
            case 10: {
              if (opts.limits?.chain != null && obj.chain === opts.limits.chain) {
                throw new MaxLengthError('Streaming decode error - repeated field "chain" had too many elements')
              }

              yield {
                field: `${prefix}.chain[]`,
                index: obj.chain,
                value: reader.bytes()
              }

              obj.chain++

              break
            }
            case 11: {
              yield {
                field: `${prefix}.cardHash`,
                value: reader.bytes()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface AgentRecordPeerIdFieldEvent {
    field: '$.peerId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface AgentRecordNetworkFieldEvent {
    field: '$.network'
    value: string
  }

  export interface AgentRecordSequenceFieldEvent {
    field: '$.sequence'
    value: number
  }

  export interface AgentRecordIssuedMsFieldEvent {
    field: '$.issuedMs'
    value: number
  }

  export interface AgentRecordTtlMsFieldEvent {
    field: '$.ttlMs'
    value: number
  }

  export interface AgentRecordAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface AgentRecordServicesNameFieldEvent {
    field: '$.services[].name'
    value: string
    index: number
  }

  export interface AgentRecordServicesKindFieldEvent {
    field: '$.services[].kind'
    value: string
    index: number
  }

  export interface AgentRecordServicesCapabilitiesFieldEvent {
    field: '$.services[].capabilities[]'
    index: number
    value: string
  }

  export interface AgentRecordCapabilitiesFieldEvent {
    field: '$.capabilities[]'
    index: number
    value: string
  }

  export interface AgentRecordWithdrawnFieldEvent {
    field: '$.withdrawn'
    value: boolean
  }

  export interface AgentRecordChainFieldEvent {
    field: '$.chain[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface AgentRecordCardHashFieldEvent {
    field: '$.cardHash'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<AgentRecord>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, AgentRecord.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AgentRecord>): AgentRecord {
    return decodeMessage(buf, AgentRecord.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AgentRecord>): Generator<AgentRecordPeerIdFieldEvent | AgentRecordNetworkFieldEvent | AgentRecordSequenceFieldEvent | AgentRecordIssuedMsFieldEvent | AgentRecordTtlMsFieldEvent | AgentRecordAddressesFieldEvent | AgentRecordServicesNameFieldEvent | AgentRecordServicesKindFieldEvent | AgentRecordServicesCapabilitiesFieldEvent | AgentRecordCapabilitiesFieldEvent | AgentRecordWithdrawnFieldEvent | AgentRecordChainFieldEvent | AgentRecordCardHashFieldEvent> {
    return streamMessage(buf, AgentRecord.codec(), opts)
  }
}

export interface ServiceInfo {
  name: string
  kind: string
  capabilities: string[]
}

export namespace ServiceInfo {
  let _codec: Codec<ServiceInfo>

  export const codec = (): Codec<ServiceInfo> => {
    if (_codec == null) {
      _codec = message<ServiceInfo>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(10)
          w.string(obj.name)
        }

        if ((obj.kind != null && obj.kind !== '')) {
          w.uint32(18)
          w.string(obj.kind)
        }

        if (obj.capabilities != null && obj.capabilities.length > 0) {
          for (const value of obj.capabilities) {
            w.uint32(26)
            w.string(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          name: '',
          kind: '',
          capabilities: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.name = reader.string()
              break
            }
            case 2: {
              obj.kind = reader.string()
              break
            }
            case 3: {
              if (opts.limits?.capabilities != null && obj.capabilities.length === opts.limits.capabilities) {
                throw new MaxLengthError('Decode error - repeated field "capabilities" had too many elements')
              }

              obj.capabilities.push(reader.string())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          capabilities: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.kind`,
                value: reader.string()
              }
              break
            }
            case 3: {
              if (opts.limits?.capabilities != null && obj.capabilities === opts.limits.capabilities) {
                throw new MaxLengthError('Streaming decode error - repeated field "capabilities" had too many elements')
              }

              yield {
                field: `${prefix}.capabilities[]`,
                index: obj.capabilities,
                value: reader.string()
              }

              obj.capabilities++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface ServiceInfoNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface ServiceInfoKindFieldEvent {
    field: '$.kind'
    value: string
  }

  export interface ServiceInfoCapabilitiesFieldEvent {
    field: '$.capabilities[]'
    index: number
    value: string
  }

  export function encode (obj: Partial<ServiceInfo>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, ServiceInfo.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ServiceInfo>): ServiceInfo {
    return decodeMessage(buf, ServiceInfo.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ServiceInfo>): Generator<ServiceInfoNameFieldEvent | ServiceInfoKindFieldEvent | ServiceInfoCapabilitiesFieldEvent> {
    return streamMessage(buf, ServiceInfo.codec(), opts)
  }
}

export interface HelloRequest {
  chain: Uint8Array<ArrayBuffer>[]
  instanceId: Uint8Array<ArrayBuffer>
  timeMs: number
  policyVersion: number
  revocationsHash: Uint8Array<ArrayBuffer>
  agent: string
  isOnly: boolean
}

export namespace HelloRequest {
  let _codec: Codec<HelloRequest>

  export const codec = (): Codec<HelloRequest> => {
    if (_codec == null) {
      _codec = message<HelloRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.chain != null && obj.chain.length > 0) {
          for (const value of obj.chain) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if ((obj.instanceId != null && obj.instanceId.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.instanceId)
        }

        if ((obj.timeMs != null && obj.timeMs !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.timeMs)
        }

        if ((obj.policyVersion != null && obj.policyVersion !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.policyVersion)
        }

        if ((obj.revocationsHash != null && obj.revocationsHash.byteLength > 0)) {
          w.uint32(42)
          w.bytes(obj.revocationsHash)
        }

        if ((obj.agent != null && obj.agent !== '')) {
          w.uint32(50)
          w.string(obj.agent)
        }

        if ((obj.isOnly != null && obj.isOnly !== false)) {
          w.uint32(56)
          w.bool(obj.isOnly)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          chain: [],
          instanceId: uint8ArrayAlloc(0),
          timeMs: 0,
          policyVersion: 0,
          revocationsHash: uint8ArrayAlloc(0),
          agent: '',
          isOnly: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.chain != null && obj.chain.length === opts.limits.chain) {
                throw new MaxLengthError('Decode error - repeated field "chain" had too many elements')
              }

              obj.chain.push(reader.bytes())
              break
            }
            case 2: {
              obj.instanceId = reader.bytes()
              break
            }
            case 3: {
              obj.timeMs = reader.uint64Number()
              break
            }
            case 4: {
              obj.policyVersion = reader.uint64Number()
              break
            }
            case 5: {
              obj.revocationsHash = reader.bytes()
              break
            }
            case 6: {
              obj.agent = reader.string()
              break
            }
            case 7: {
              obj.isOnly = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          chain: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.chain != null && obj.chain === opts.limits.chain) {
                throw new MaxLengthError('Streaming decode error - repeated field "chain" had too many elements')
              }

              yield {
                field: `${prefix}.chain[]`,
                index: obj.chain,
                value: reader.bytes()
              }

              obj.chain++

              break
            }
            case 2: {
              yield {
                field: `${prefix}.instanceId`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.timeMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.policyVersion`,
                value: reader.uint64Number()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.revocationsHash`,
                value: reader.bytes()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.agent`,
                value: reader.string()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.isOnly`,
                value: reader.bool()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface HelloRequestChainFieldEvent {
    field: '$.chain[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface HelloRequestInstanceIdFieldEvent {
    field: '$.instanceId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HelloRequestTimeMsFieldEvent {
    field: '$.timeMs'
    value: number
  }

  export interface HelloRequestPolicyVersionFieldEvent {
    field: '$.policyVersion'
    value: number
  }

  export interface HelloRequestRevocationsHashFieldEvent {
    field: '$.revocationsHash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HelloRequestAgentFieldEvent {
    field: '$.agent'
    value: string
  }

  export interface HelloRequestIsOnlyFieldEvent {
    field: '$.isOnly'
    value: boolean
  }

  export function encode (obj: Partial<HelloRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, HelloRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HelloRequest>): HelloRequest {
    return decodeMessage(buf, HelloRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HelloRequest>): Generator<HelloRequestChainFieldEvent | HelloRequestInstanceIdFieldEvent | HelloRequestTimeMsFieldEvent | HelloRequestPolicyVersionFieldEvent | HelloRequestRevocationsHashFieldEvent | HelloRequestAgentFieldEvent | HelloRequestIsOnlyFieldEvent> {
    return streamMessage(buf, HelloRequest.codec(), opts)
  }
}

export interface HelloAnswer {
  code: number
  reason: string
  hello?: HelloRequest
  retryAfterMs: number
}

export namespace HelloAnswer {
  let _codec: Codec<HelloAnswer>

  export const codec = (): Codec<HelloAnswer> => {
    if (_codec == null) {
      _codec = message<HelloAnswer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== 0)) {
          w.uint32(8)
          w.uint32(obj.code)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(18)
          w.string(obj.reason)
        }

        if (obj.hello != null) {
          w.uint32(26)
          HelloRequest.codec().encode(obj.hello, w)
        }

        if ((obj.retryAfterMs != null && obj.retryAfterMs !== 0)) {
          w.uint32(32)
          w.uint32(obj.retryAfterMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: 0,
          reason: '',
          retryAfterMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.uint32()
              break
            }
            case 2: {
              obj.reason = reader.string()
              break
            }
            case 3: {
              obj.hello = HelloRequest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.hello
              })
              break
            }
            case 4: {
              obj.retryAfterMs = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.code`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.reason`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield * HelloRequest.codec().stream(reader, reader.uint32(), `${prefix}.hello`, {
                limits: opts.limits?.hello
              })

              break
            }
            case 4: {
              yield {
                field: `${prefix}.retryAfterMs`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface HelloAnswerCodeFieldEvent {
    field: '$.code'
    value: number
  }

  export interface HelloAnswerReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface HelloAnswerHelloChainFieldEvent {
    field: '$.hello.chain[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface HelloAnswerHelloInstanceIdFieldEvent {
    field: '$.hello.instanceId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HelloAnswerHelloTimeMsFieldEvent {
    field: '$.hello.timeMs'
    value: number
  }

  export interface HelloAnswerHelloPolicyVersionFieldEvent {
    field: '$.hello.policyVersion'
    value: number
  }

  export interface HelloAnswerHelloRevocationsHashFieldEvent {
    field: '$.hello.revocationsHash'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HelloAnswerHelloAgentFieldEvent {
    field: '$.hello.agent'
    value: string
  }

  export interface HelloAnswerHelloIsOnlyFieldEvent {
    field: '$.hello.isOnly'
    value: boolean
  }

  export interface HelloAnswerRetryAfterMsFieldEvent {
    field: '$.retryAfterMs'
    value: number
  }

  export function encode (obj: Partial<HelloAnswer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, HelloAnswer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HelloAnswer>): HelloAnswer {
    return decodeMessage(buf, HelloAnswer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HelloAnswer>): Generator<HelloAnswerCodeFieldEvent | HelloAnswerReasonFieldEvent | HelloAnswerHelloChainFieldEvent | HelloAnswerHelloInstanceIdFieldEvent | HelloAnswerHelloTimeMsFieldEvent | HelloAnswerHelloPolicyVersionFieldEvent | HelloAnswerHelloRevocationsHashFieldEvent | HelloAnswerHelloAgentFieldEvent | HelloAnswerHelloIsOnlyFieldEvent | HelloAnswerRetryAfterMsFieldEvent> {
    return streamMessage(buf, HelloAnswer.codec(), opts)
  }
}

export interface HelloAck {
  code: number
  reason: string
}

export namespace HelloAck {
  let _codec: Codec<HelloAck>

  export const codec = (): Codec<HelloAck> => {
    if (_codec == null) {
      _codec = message<HelloAck>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== 0)) {
          w.uint32(8)
          w.uint32(obj.code)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(18)
          w.string(obj.reason)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: 0,
          reason: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.uint32()
              break
            }
            case 2: {
              obj.reason = reader.string()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.code`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.reason`,
                value: reader.string()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface HelloAckCodeFieldEvent {
    field: '$.code'
    value: number
  }

  export interface HelloAckReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export function encode (obj: Partial<HelloAck>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, HelloAck.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HelloAck>): HelloAck {
    return decodeMessage(buf, HelloAck.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HelloAck>): Generator<HelloAckCodeFieldEvent | HelloAckReasonFieldEvent> {
    return streamMessage(buf, HelloAck.codec(), opts)
  }
}

export interface Ticket {
  networkKey: Uint8Array<ArrayBuffer>
  issuer: Uint8Array<ArrayBuffer>
  addresses: Uint8Array<ArrayBuffer>[]
  inviteId: Uint8Array<ArrayBuffer>
  secret: Uint8Array<ArrayBuffer>
  sealKey: Uint8Array<ArrayBuffer>
  expiresMs: number
  groups: string[]
  uses: number
}

export namespace Ticket {
  let _codec: Codec<Ticket>

  export const codec = (): Codec<Ticket> => {
    if (_codec == null) {
      _codec = message<Ticket>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.networkKey != null && obj.networkKey.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.networkKey)
        }

        if ((obj.issuer != null && obj.issuer.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.issuer)
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(26)
            w.bytes(value)
          }
        }

        if ((obj.inviteId != null && obj.inviteId.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.inviteId)
        }

        if ((obj.secret != null && obj.secret.byteLength > 0)) {
          w.uint32(42)
          w.bytes(obj.secret)
        }

        if ((obj.sealKey != null && obj.sealKey.byteLength > 0)) {
          w.uint32(50)
          w.bytes(obj.sealKey)
        }

        if ((obj.expiresMs != null && obj.expiresMs !== 0)) {
          w.uint32(56)
          w.uint64Number(obj.expiresMs)
        }

        if (obj.groups != null && obj.groups.length > 0) {
          for (const value of obj.groups) {
            w.uint32(66)
            w.string(value)
          }
        }

        if ((obj.uses != null && obj.uses !== 0)) {
          w.uint32(72)
          w.uint32(obj.uses)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          networkKey: uint8ArrayAlloc(0),
          issuer: uint8ArrayAlloc(0),
          addresses: [],
          inviteId: uint8ArrayAlloc(0),
          secret: uint8ArrayAlloc(0),
          sealKey: uint8ArrayAlloc(0),
          expiresMs: 0,
          groups: [],
          uses: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.networkKey = reader.bytes()
              break
            }
            case 2: {
              obj.issuer = reader.bytes()
              break
            }
            case 3: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.bytes())
              break
            }
            case 4: {
              obj.inviteId = reader.bytes()
              break
            }
            case 5: {
              obj.secret = reader.bytes()
              break
            }
            case 6: {
              obj.sealKey = reader.bytes()
              break
            }
            case 7: {
              obj.expiresMs = reader.uint64Number()
              break
            }
            case 8: {
              if (opts.limits?.groups != null && obj.groups.length === opts.limits.groups) {
                throw new MaxLengthError('Decode error - repeated field "groups" had too many elements')
              }

              obj.groups.push(reader.string())
              break
            }
            case 9: {
              obj.uses = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          addresses: 0,
          groups: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.networkKey`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.issuer`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              if (opts.limits?.addresses != null && obj.addresses === opts.limits.addresses) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              yield {
                field: `${prefix}.addresses[]`,
                index: obj.addresses,
                value: reader.bytes()
              }

              obj.addresses++

              break
            }
            case 4: {
              yield {
                field: `${prefix}.inviteId`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.secret`,
                value: reader.bytes()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.sealKey`,
                value: reader.bytes()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.expiresMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 8: {
              if (opts.limits?.groups != null && obj.groups === opts.limits.groups) {
                throw new MaxLengthError('Streaming decode error - repeated field "groups" had too many elements')
              }

              yield {
                field: `${prefix}.groups[]`,
                index: obj.groups,
                value: reader.string()
              }

              obj.groups++

              break
            }
            case 9: {
              yield {
                field: `${prefix}.uses`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface TicketNetworkKeyFieldEvent {
    field: '$.networkKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TicketIssuerFieldEvent {
    field: '$.issuer'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TicketAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface TicketInviteIdFieldEvent {
    field: '$.inviteId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TicketSecretFieldEvent {
    field: '$.secret'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TicketSealKeyFieldEvent {
    field: '$.sealKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TicketExpiresMsFieldEvent {
    field: '$.expiresMs'
    value: number
  }

  export interface TicketGroupsFieldEvent {
    field: '$.groups[]'
    index: number
    value: string
  }

  export interface TicketUsesFieldEvent {
    field: '$.uses'
    value: number
  }

  export function encode (obj: Partial<Ticket>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Ticket.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ticket>): Ticket {
    return decodeMessage(buf, Ticket.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ticket>): Generator<TicketNetworkKeyFieldEvent | TicketIssuerFieldEvent | TicketAddressesFieldEvent | TicketInviteIdFieldEvent | TicketSecretFieldEvent | TicketSealKeyFieldEvent | TicketExpiresMsFieldEvent | TicketGroupsFieldEvent | TicketUsesFieldEvent> {
    return streamMessage(buf, Ticket.codec(), opts)
  }
}

export interface JoinRequest {
  issuer: Uint8Array<ArrayBuffer>
  inviteId: Uint8Array<ArrayBuffer>
  sealed: Uint8Array<ArrayBuffer>
}

export namespace JoinRequest {
  let _codec: Codec<JoinRequest>

  export const codec = (): Codec<JoinRequest> => {
    if (_codec == null) {
      _codec = message<JoinRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.issuer != null && obj.issuer.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.issuer)
        }

        if ((obj.inviteId != null && obj.inviteId.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.inviteId)
        }

        if ((obj.sealed != null && obj.sealed.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.sealed)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          issuer: uint8ArrayAlloc(0),
          inviteId: uint8ArrayAlloc(0),
          sealed: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.issuer = reader.bytes()
              break
            }
            case 2: {
              obj.inviteId = reader.bytes()
              break
            }
            case 3: {
              obj.sealed = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.issuer`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.inviteId`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.sealed`,
                value: reader.bytes()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface JoinRequestIssuerFieldEvent {
    field: '$.issuer'
    value: Uint8Array<ArrayBuffer>
  }

  export interface JoinRequestInviteIdFieldEvent {
    field: '$.inviteId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface JoinRequestSealedFieldEvent {
    field: '$.sealed'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<JoinRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, JoinRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JoinRequest>): JoinRequest {
    return decodeMessage(buf, JoinRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JoinRequest>): Generator<JoinRequestIssuerFieldEvent | JoinRequestInviteIdFieldEvent | JoinRequestSealedFieldEvent> {
    return streamMessage(buf, JoinRequest.codec(), opts)
  }
}

export interface JoinPlea {
  inviteId: Uint8Array<ArrayBuffer>
  secret: Uint8Array<ArrayBuffer>
  name: string
  timeMs: number
}

export namespace JoinPlea {
  let _codec: Codec<JoinPlea>

  export const codec = (): Codec<JoinPlea> => {
    if (_codec == null) {
      _codec = message<JoinPlea>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.inviteId != null && obj.inviteId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.inviteId)
        }

        if ((obj.secret != null && obj.secret.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.secret)
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(26)
          w.string(obj.name)
        }

        if ((obj.timeMs != null && obj.timeMs !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.timeMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          inviteId: uint8ArrayAlloc(0),
          secret: uint8ArrayAlloc(0),
          name: '',
          timeMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.inviteId = reader.bytes()
              break
            }
            case 2: {
              obj.secret = reader.bytes()
              break
            }
            case 3: {
              obj.name = reader.string()
              break
            }
            case 4: {
              obj.timeMs = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.inviteId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.secret`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.timeMs`,
                value: reader.uint64Number()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface JoinPleaInviteIdFieldEvent {
    field: '$.inviteId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface JoinPleaSecretFieldEvent {
    field: '$.secret'
    value: Uint8Array<ArrayBuffer>
  }

  export interface JoinPleaNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface JoinPleaTimeMsFieldEvent {
    field: '$.timeMs'
    value: number
  }

  export function encode (obj: Partial<JoinPlea>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, JoinPlea.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JoinPlea>): JoinPlea {
    return decodeMessage(buf, JoinPlea.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JoinPlea>): Generator<JoinPleaInviteIdFieldEvent | JoinPleaSecretFieldEvent | JoinPleaNameFieldEvent | JoinPleaTimeMsFieldEvent> {
    return streamMessage(buf, JoinPlea.codec(), opts)
  }
}

export interface JoinAnswer {
  code: number
  reason: string
  sealed: Uint8Array<ArrayBuffer>
}

export namespace JoinAnswer {
  let _codec: Codec<JoinAnswer>

  export const codec = (): Codec<JoinAnswer> => {
    if (_codec == null) {
      _codec = message<JoinAnswer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== 0)) {
          w.uint32(8)
          w.uint32(obj.code)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(18)
          w.string(obj.reason)
        }

        if ((obj.sealed != null && obj.sealed.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.sealed)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: 0,
          reason: '',
          sealed: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.uint32()
              break
            }
            case 2: {
              obj.reason = reader.string()
              break
            }
            case 3: {
              obj.sealed = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.code`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.reason`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.sealed`,
                value: reader.bytes()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface JoinAnswerCodeFieldEvent {
    field: '$.code'
    value: number
  }

  export interface JoinAnswerReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface JoinAnswerSealedFieldEvent {
    field: '$.sealed'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<JoinAnswer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, JoinAnswer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JoinAnswer>): JoinAnswer {
    return decodeMessage(buf, JoinAnswer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JoinAnswer>): Generator<JoinAnswerCodeFieldEvent | JoinAnswerReasonFieldEvent | JoinAnswerSealedFieldEvent> {
    return streamMessage(buf, JoinAnswer.codec(), opts)
  }
}

export interface JoinGrant {
  chain: Uint8Array<ArrayBuffer>[]
  addresses: Uint8Array<ArrayBuffer>[]
  policyVersion: number
}

export namespace JoinGrant {
  let _codec: Codec<JoinGrant>

  export const codec = (): Codec<JoinGrant> => {
    if (_codec == null) {
      _codec = message<JoinGrant>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.chain != null && obj.chain.length > 0) {
          for (const value of obj.chain) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if ((obj.policyVersion != null && obj.policyVersion !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.policyVersion)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          chain: [],
          addresses: [],
          policyVersion: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.chain != null && obj.chain.length === opts.limits.chain) {
                throw new MaxLengthError('Decode error - repeated field "chain" had too many elements')
              }

              obj.chain.push(reader.bytes())
              break
            }
            case 2: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.bytes())
              break
            }
            case 3: {
              obj.policyVersion = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          chain: 0,
          addresses: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.chain != null && obj.chain === opts.limits.chain) {
                throw new MaxLengthError('Streaming decode error - repeated field "chain" had too many elements')
              }

              yield {
                field: `${prefix}.chain[]`,
                index: obj.chain,
                value: reader.bytes()
              }

              obj.chain++

              break
            }
            case 2: {
              if (opts.limits?.addresses != null && obj.addresses === opts.limits.addresses) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              yield {
                field: `${prefix}.addresses[]`,
                index: obj.addresses,
                value: reader.bytes()
              }

              obj.addresses++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.policyVersion`,
                value: reader.uint64Number()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface JoinGrantChainFieldEvent {
    field: '$.chain[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface JoinGrantAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface JoinGrantPolicyVersionFieldEvent {
    field: '$.policyVersion'
    value: number
  }

  export function encode (obj: Partial<JoinGrant>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, JoinGrant.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JoinGrant>): JoinGrant {
    return decodeMessage(buf, JoinGrant.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JoinGrant>): Generator<JoinGrantChainFieldEvent | JoinGrantAddressesFieldEvent | JoinGrantPolicyVersionFieldEvent> {
    return streamMessage(buf, JoinGrant.codec(), opts)
  }
}

export interface Metadata {
  key: string
  value: Uint8Array<ArrayBuffer>
}

export namespace Metadata {
  let _codec: Codec<Metadata>

  export const codec = (): Codec<Metadata> => {
    if (_codec == null) {
      _codec = message<Metadata>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.key != null && obj.key !== '')) {
          w.uint32(10)
          w.string(obj.key)
        }

        if ((obj.value != null && obj.value.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.value)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          key: '',
          value: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.key = reader.string()
              break
            }
            case 2: {
              obj.value = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.key`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.value`,
                value: reader.bytes()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface MetadataKeyFieldEvent {
    field: '$.key'
    value: string
  }

  export interface MetadataValueFieldEvent {
    field: '$.value'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Metadata>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Metadata.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Metadata>): Metadata {
    return decodeMessage(buf, Metadata.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Metadata>): Generator<MetadataKeyFieldEvent | MetadataValueFieldEvent> {
    return streamMessage(buf, Metadata.codec(), opts)
  }
}

export interface TunnelOpen {
  service: string
  deadlineMs: number
  traceParent: string
  metadata: Metadata[]
}

export namespace TunnelOpen {
  let _codec: Codec<TunnelOpen>

  export const codec = (): Codec<TunnelOpen> => {
    if (_codec == null) {
      _codec = message<TunnelOpen>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.service != null && obj.service !== '')) {
          w.uint32(10)
          w.string(obj.service)
        }

        if ((obj.deadlineMs != null && obj.deadlineMs !== 0)) {
          w.uint32(16)
          w.uint32(obj.deadlineMs)
        }

        if ((obj.traceParent != null && obj.traceParent !== '')) {
          w.uint32(26)
          w.string(obj.traceParent)
        }

        if (obj.metadata != null && obj.metadata.length > 0) {
          for (const value of obj.metadata) {
            w.uint32(34)
            Metadata.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          service: '',
          deadlineMs: 0,
          traceParent: '',
          metadata: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.service = reader.string()
              break
            }
            case 2: {
              obj.deadlineMs = reader.uint32()
              break
            }
            case 3: {
              obj.traceParent = reader.string()
              break
            }
            case 4: {
              if (opts.limits?.metadata != null && obj.metadata.length === opts.limits.metadata) {
                throw new MaxLengthError('Decode error - repeated field "metadata" had too many elements')
              }

              obj.metadata.push(Metadata.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.metadata$
              }))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          metadata: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.service`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.deadlineMs`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.traceParent`,
                value: reader.string()
              }
              break
            }
            case 4: {
              if (opts.limits?.metadata != null && obj.metadata === opts.limits.metadata) {
                throw new MaxLengthError('Streaming decode error - repeated field "metadata" had too many elements')
              }

              for (const evt of Metadata.codec().stream(reader, reader.uint32(), `${prefix}.metadata[]`, {
                limits: opts.limits?.metadata$
              })) {
                yield {
                  ...evt,
                  index: obj.metadata
                }
              }

              obj.metadata++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface TunnelOpenServiceFieldEvent {
    field: '$.service'
    value: string
  }

  export interface TunnelOpenDeadlineMsFieldEvent {
    field: '$.deadlineMs'
    value: number
  }

  export interface TunnelOpenTraceParentFieldEvent {
    field: '$.traceParent'
    value: string
  }

  export interface TunnelOpenMetadataKeyFieldEvent {
    field: '$.metadata[].key'
    value: string
    index: number
  }

  export interface TunnelOpenMetadataValueFieldEvent {
    field: '$.metadata[].value'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export function encode (obj: Partial<TunnelOpen>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, TunnelOpen.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelOpen>): TunnelOpen {
    return decodeMessage(buf, TunnelOpen.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelOpen>): Generator<TunnelOpenServiceFieldEvent | TunnelOpenDeadlineMsFieldEvent | TunnelOpenTraceParentFieldEvent | TunnelOpenMetadataKeyFieldEvent | TunnelOpenMetadataValueFieldEvent> {
    return streamMessage(buf, TunnelOpen.codec(), opts)
  }
}

export interface TunnelAnswer {
  code: number
  reason: string
  metadata: Metadata[]
}

export namespace TunnelAnswer {
  let _codec: Codec<TunnelAnswer>

  export const codec = (): Codec<TunnelAnswer> => {
    if (_codec == null) {
      _codec = message<TunnelAnswer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== 0)) {
          w.uint32(8)
          w.uint32(obj.code)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(18)
          w.string(obj.reason)
        }

        if (obj.metadata != null && obj.metadata.length > 0) {
          for (const value of obj.metadata) {
            w.uint32(26)
            Metadata.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: 0,
          reason: '',
          metadata: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.uint32()
              break
            }
            case 2: {
              obj.reason = reader.string()
              break
            }
            case 3: {
              if (opts.limits?.metadata != null && obj.metadata.length === opts.limits.metadata) {
                throw new MaxLengthError('Decode error - repeated field "metadata" had too many elements')
              }

              obj.metadata.push(Metadata.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.metadata$
              }))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          metadata: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.code`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.reason`,
                value: reader.string()
              }
              break
            }
            case 3: {
              if (opts.limits?.metadata != null && obj.metadata === opts.limits.metadata) {
                throw new MaxLengthError('Streaming decode error - repeated field "metadata" had too many elements')
              }

              for (const evt of Metadata.codec().stream(reader, reader.uint32(), `${prefix}.metadata[]`, {
                limits: opts.limits?.metadata$
              })) {
                yield {
                  ...evt,
                  index: obj.metadata
                }
              }

              obj.metadata++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface TunnelAnswerCodeFieldEvent {
    field: '$.code'
    value: number
  }

  export interface TunnelAnswerReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface TunnelAnswerMetadataKeyFieldEvent {
    field: '$.metadata[].key'
    value: string
    index: number
  }

  export interface TunnelAnswerMetadataValueFieldEvent {
    field: '$.metadata[].value'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export function encode (obj: Partial<TunnelAnswer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, TunnelAnswer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelAnswer>): TunnelAnswer {
    return decodeMessage(buf, TunnelAnswer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelAnswer>): Generator<TunnelAnswerCodeFieldEvent | TunnelAnswerReasonFieldEvent | TunnelAnswerMetadataKeyFieldEvent | TunnelAnswerMetadataValueFieldEvent> {
    return streamMessage(buf, TunnelAnswer.codec(), opts)
  }
}

export interface HealthClaim {
  peerId: Uint8Array<ArrayBuffer>
  state: number
  incarnation: number
}

export namespace HealthClaim {
  let _codec: Codec<HealthClaim>

  export const codec = (): Codec<HealthClaim> => {
    if (_codec == null) {
      _codec = message<HealthClaim>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.peerId != null && obj.peerId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.peerId)
        }

        if ((obj.state != null && obj.state !== 0)) {
          w.uint32(16)
          w.uint32(obj.state)
        }

        if ((obj.incarnation != null && obj.incarnation !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.incarnation)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peerId: uint8ArrayAlloc(0),
          state: 0,
          incarnation: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peerId = reader.bytes()
              break
            }
            case 2: {
              obj.state = reader.uint32()
              break
            }
            case 3: {
              obj.incarnation = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.peerId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.state`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.incarnation`,
                value: reader.uint64Number()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface HealthClaimPeerIdFieldEvent {
    field: '$.peerId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HealthClaimStateFieldEvent {
    field: '$.state'
    value: number
  }

  export interface HealthClaimIncarnationFieldEvent {
    field: '$.incarnation'
    value: number
  }

  export function encode (obj: Partial<HealthClaim>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, HealthClaim.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthClaim>): HealthClaim {
    return decodeMessage(buf, HealthClaim.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthClaim>): Generator<HealthClaimPeerIdFieldEvent | HealthClaimStateFieldEvent | HealthClaimIncarnationFieldEvent> {
    return streamMessage(buf, HealthClaim.codec(), opts)
  }
}

export interface HealthFrame {
  kind: number
  sequence: number
  target: Uint8Array<ArrayBuffer>
  claims: HealthClaim[]
  view: Uint8Array<ArrayBuffer>
  digests: SignedDocument[]
  wanted: Uint8Array<ArrayBuffer>[]
  isLast: boolean
  isAnswer: boolean
}

export namespace HealthFrame {
  let _codec: Codec<HealthFrame>

  export const codec = (): Codec<HealthFrame> => {
    if (_codec == null) {
      _codec = message<HealthFrame>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.kind != null && obj.kind !== 0)) {
          w.uint32(8)
          w.uint32(obj.kind)
        }

        if ((obj.sequence != null && obj.sequence !== 0)) {
          w.uint32(16)
          w.uint32(obj.sequence)
        }

        if ((obj.target != null && obj.target.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.target)
        }

        if (obj.claims != null && obj.claims.length > 0) {
          for (const value of obj.claims) {
            w.uint32(34)
            HealthClaim.codec().encode(value, w)
          }
        }

        if ((obj.view != null && obj.view.byteLength > 0)) {
          w.uint32(42)
          w.bytes(obj.view)
        }

        if (obj.digests != null && obj.digests.length > 0) {
          for (const value of obj.digests) {
            w.uint32(50)
            SignedDocument.codec().encode(value, w)
          }
        }

        if (obj.wanted != null && obj.wanted.length > 0) {
          for (const value of obj.wanted) {
            w.uint32(58)
            w.bytes(value)
          }
        }

        if ((obj.isLast != null && obj.isLast !== false)) {
          w.uint32(64)
          w.bool(obj.isLast)
        }

        if ((obj.isAnswer != null && obj.isAnswer !== false)) {
          w.uint32(72)
          w.bool(obj.isAnswer)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          kind: 0,
          sequence: 0,
          target: uint8ArrayAlloc(0),
          claims: [],
          view: uint8ArrayAlloc(0),
          digests: [],
          wanted: [],
          isLast: false,
          isAnswer: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.kind = reader.uint32()
              break
            }
            case 2: {
              obj.sequence = reader.uint32()
              break
            }
            case 3: {
              obj.target = reader.bytes()
              break
            }
            case 4: {
              if (opts.limits?.claims != null && obj.claims.length === opts.limits.claims) {
                throw new MaxLengthError('Decode error - repeated field "claims" had too many elements')
              }

              obj.claims.push(HealthClaim.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.claims$
              }))
              break
            }
            case 5: {
              obj.view = reader.bytes()
              break
            }
            case 6: {
              if (opts.limits?.digests != null && obj.digests.length === opts.limits.digests) {
                throw new MaxLengthError('Decode error - repeated field "digests" had too many elements')
              }

              obj.digests.push(SignedDocument.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.digests$
              }))
              break
            }
            case 7: {
              if (opts.limits?.wanted != null && obj.wanted.length === opts.limits.wanted) {
                throw new MaxLengthError('Decode error - repeated field "wanted" had too many elements')
              }

              obj.wanted.push(reader.bytes())
              break
            }
            case 8: {
              obj.isLast = reader.bool()
              break
            }
            case 9: {
              obj.isAnswer = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          claims: 0,
          digests: 0,
          wanted: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.kind`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.sequence`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.target`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              if (opts.limits?.claims != null && obj.claims === opts.limits.claims) {
                throw new MaxLengthError('Streaming decode error - repeated field "claims" had too many elements')
              }

              for (const evt of HealthClaim.codec().stream(reader, reader.uint32(), `${prefix}.claims[]`, {
                limits: opts.limits?.claims$
              })) {
                yield {
                  ...evt,
                  index: obj.claims
                }
              }

              obj.claims++

              break
            }
            case 5: {
              yield {
                field: `${prefix}.view`,
                value: reader.bytes()
              }
              break
            }
            case 6: {
              if (opts.limits?.digests != null && obj.digests === opts.limits.digests) {
                throw new MaxLengthError('Streaming decode error - repeated field "digests" had too many elements')
              }

              for (const evt of SignedDocument.codec().stream(reader, reader.uint32(), `${prefix}.digests[]`, {
                limits: opts.limits?.digests$
              })) {
                yield {
                  ...evt,
                  index: obj.digests
                }
              }

              obj.digests++

              break
            }
            case 7: {
              if (opts.limits?.wanted != null && obj.wanted === opts.limits.wanted) {
                throw new MaxLengthError('Streaming decode error - repeated field "wanted" had too many elements')
              }

              yield {
                field: `${prefix}.wanted[]`,
                index: obj.wanted,
                value: reader.bytes()
              }

              obj.wanted++

              break
            }
            case 8: {
              yield {
                field: `${prefix}.isLast`,
                value: reader.bool()
              }
              break
            }
            case 9: {
              yield {
                field: `${prefix}.isAnswer`,
                value: reader.bool()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface HealthFrameKindFieldEvent {
    field: '$.kind'
    value: number
  }

  export interface HealthFrameSequenceFieldEvent {
    field: '$.sequence'
    value: number
  }

  export interface HealthFrameTargetFieldEvent {
    field: '$.target'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HealthFrameClaimsPeerIdFieldEvent {
    field: '$.claims[].peerId'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface HealthFrameClaimsStateFieldEvent {
    field: '$.claims[].state'
    value: number
    index: number
  }

  export interface HealthFrameClaimsIncarnationFieldEvent {
    field: '$.claims[].incarnation'
    value: number
    index: number
  }

  export interface HealthFrameViewFieldEvent {
    field: '$.view'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HealthFrameDigestsEnvelopeFieldEvent {
    field: '$.digests[].envelope'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface HealthFrameDigestsChainFieldEvent {
    field: '$.digests[].chain[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface HealthFrameWantedFieldEvent {
    field: '$.wanted[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface HealthFrameIsLastFieldEvent {
    field: '$.isLast'
    value: boolean
  }

  export interface HealthFrameIsAnswerFieldEvent {
    field: '$.isAnswer'
    value: boolean
  }

  export function encode (obj: Partial<HealthFrame>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, HealthFrame.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthFrame>): HealthFrame {
    return decodeMessage(buf, HealthFrame.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthFrame>): Generator<HealthFrameKindFieldEvent | HealthFrameSequenceFieldEvent | HealthFrameTargetFieldEvent | HealthFrameClaimsPeerIdFieldEvent | HealthFrameClaimsStateFieldEvent | HealthFrameClaimsIncarnationFieldEvent | HealthFrameViewFieldEvent | HealthFrameDigestsEnvelopeFieldEvent | HealthFrameDigestsChainFieldEvent | HealthFrameWantedFieldEvent | HealthFrameIsLastFieldEvent | HealthFrameIsAnswerFieldEvent> {
    return streamMessage(buf, HealthFrame.codec(), opts)
  }
}

export interface HealthNews {
  digest: Uint8Array<ArrayBuffer>
  claims: HealthClaim[]
  timeMs: number
  incarnation: number
  sequence: number
}

export namespace HealthNews {
  let _codec: Codec<HealthNews>

  export const codec = (): Codec<HealthNews> => {
    if (_codec == null) {
      _codec = message<HealthNews>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.digest != null && obj.digest.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.digest)
        }

        if (obj.claims != null && obj.claims.length > 0) {
          for (const value of obj.claims) {
            w.uint32(18)
            HealthClaim.codec().encode(value, w)
          }
        }

        if ((obj.timeMs != null && obj.timeMs !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.timeMs)
        }

        if ((obj.incarnation != null && obj.incarnation !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.incarnation)
        }

        if ((obj.sequence != null && obj.sequence !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.sequence)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          digest: uint8ArrayAlloc(0),
          claims: [],
          timeMs: 0,
          incarnation: 0,
          sequence: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.digest = reader.bytes()
              break
            }
            case 2: {
              if (opts.limits?.claims != null && obj.claims.length === opts.limits.claims) {
                throw new MaxLengthError('Decode error - repeated field "claims" had too many elements')
              }

              obj.claims.push(HealthClaim.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.claims$
              }))
              break
            }
            case 3: {
              obj.timeMs = reader.uint64Number()
              break
            }
            case 4: {
              obj.incarnation = reader.uint64Number()
              break
            }
            case 5: {
              obj.sequence = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          claims: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.digest`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              if (opts.limits?.claims != null && obj.claims === opts.limits.claims) {
                throw new MaxLengthError('Streaming decode error - repeated field "claims" had too many elements')
              }

              for (const evt of HealthClaim.codec().stream(reader, reader.uint32(), `${prefix}.claims[]`, {
                limits: opts.limits?.claims$
              })) {
                yield {
                  ...evt,
                  index: obj.claims
                }
              }

              obj.claims++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.timeMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.incarnation`,
                value: reader.uint64Number()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.sequence`,
                value: reader.uint64Number()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface HealthNewsDigestFieldEvent {
    field: '$.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HealthNewsClaimsPeerIdFieldEvent {
    field: '$.claims[].peerId'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface HealthNewsClaimsStateFieldEvent {
    field: '$.claims[].state'
    value: number
    index: number
  }

  export interface HealthNewsClaimsIncarnationFieldEvent {
    field: '$.claims[].incarnation'
    value: number
    index: number
  }

  export interface HealthNewsTimeMsFieldEvent {
    field: '$.timeMs'
    value: number
  }

  export interface HealthNewsIncarnationFieldEvent {
    field: '$.incarnation'
    value: number
  }

  export interface HealthNewsSequenceFieldEvent {
    field: '$.sequence'
    value: number
  }

  export function encode (obj: Partial<HealthNews>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, HealthNews.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthNews>): HealthNews {
    return decodeMessage(buf, HealthNews.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthNews>): Generator<HealthNewsDigestFieldEvent | HealthNewsClaimsPeerIdFieldEvent | HealthNewsClaimsStateFieldEvent | HealthNewsClaimsIncarnationFieldEvent | HealthNewsTimeMsFieldEvent | HealthNewsIncarnationFieldEvent | HealthNewsSequenceFieldEvent> {
    return streamMessage(buf, HealthNews.codec(), opts)
  }
}

export interface HealthService {
  name: string
  state: number
  sinceMs: number
  reason: string
  weightPermille: number
}

export namespace HealthService {
  let _codec: Codec<HealthService>

  export const codec = (): Codec<HealthService> => {
    if (_codec == null) {
      _codec = message<HealthService>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(10)
          w.string(obj.name)
        }

        if ((obj.state != null && obj.state !== 0)) {
          w.uint32(16)
          w.uint32(obj.state)
        }

        if ((obj.sinceMs != null && obj.sinceMs !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.sinceMs)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(34)
          w.string(obj.reason)
        }

        if ((obj.weightPermille != null && obj.weightPermille !== 0)) {
          w.uint32(40)
          w.uint32(obj.weightPermille)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          name: '',
          state: 0,
          sinceMs: 0,
          reason: '',
          weightPermille: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.name = reader.string()
              break
            }
            case 2: {
              obj.state = reader.uint32()
              break
            }
            case 3: {
              obj.sinceMs = reader.uint64Number()
              break
            }
            case 4: {
              obj.reason = reader.string()
              break
            }
            case 5: {
              obj.weightPermille = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.state`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.sinceMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.reason`,
                value: reader.string()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.weightPermille`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface HealthServiceNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface HealthServiceStateFieldEvent {
    field: '$.state'
    value: number
  }

  export interface HealthServiceSinceMsFieldEvent {
    field: '$.sinceMs'
    value: number
  }

  export interface HealthServiceReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface HealthServiceWeightPermilleFieldEvent {
    field: '$.weightPermille'
    value: number
  }

  export function encode (obj: Partial<HealthService>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, HealthService.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthService>): HealthService {
    return decodeMessage(buf, HealthService.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthService>): Generator<HealthServiceNameFieldEvent | HealthServiceStateFieldEvent | HealthServiceSinceMsFieldEvent | HealthServiceReasonFieldEvent | HealthServiceWeightPermilleFieldEvent> {
    return streamMessage(buf, HealthService.codec(), opts)
  }
}

export interface HealthNeighbour {
  peerId: Uint8Array<ArrayBuffer>
  rttUs: number
  jitterUs: number
  stalls: number
  lossPpm: number
  hasLoss: boolean
  lossInPpm: number
  hasLossIn: boolean
}

export namespace HealthNeighbour {
  let _codec: Codec<HealthNeighbour>

  export const codec = (): Codec<HealthNeighbour> => {
    if (_codec == null) {
      _codec = message<HealthNeighbour>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.peerId != null && obj.peerId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.peerId)
        }

        if ((obj.rttUs != null && obj.rttUs !== 0)) {
          w.uint32(16)
          w.uint32(obj.rttUs)
        }

        if ((obj.jitterUs != null && obj.jitterUs !== 0)) {
          w.uint32(24)
          w.uint32(obj.jitterUs)
        }

        if ((obj.stalls != null && obj.stalls !== 0)) {
          w.uint32(32)
          w.uint32(obj.stalls)
        }

        if ((obj.lossPpm != null && obj.lossPpm !== 0)) {
          w.uint32(40)
          w.uint32(obj.lossPpm)
        }

        if ((obj.hasLoss != null && obj.hasLoss !== false)) {
          w.uint32(48)
          w.bool(obj.hasLoss)
        }

        if ((obj.lossInPpm != null && obj.lossInPpm !== 0)) {
          w.uint32(56)
          w.uint32(obj.lossInPpm)
        }

        if ((obj.hasLossIn != null && obj.hasLossIn !== false)) {
          w.uint32(64)
          w.bool(obj.hasLossIn)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peerId: uint8ArrayAlloc(0),
          rttUs: 0,
          jitterUs: 0,
          stalls: 0,
          lossPpm: 0,
          hasLoss: false,
          lossInPpm: 0,
          hasLossIn: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peerId = reader.bytes()
              break
            }
            case 2: {
              obj.rttUs = reader.uint32()
              break
            }
            case 3: {
              obj.jitterUs = reader.uint32()
              break
            }
            case 4: {
              obj.stalls = reader.uint32()
              break
            }
            case 5: {
              obj.lossPpm = reader.uint32()
              break
            }
            case 6: {
              obj.hasLoss = reader.bool()
              break
            }
            case 7: {
              obj.lossInPpm = reader.uint32()
              break
            }
            case 8: {
              obj.hasLossIn = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.peerId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.rttUs`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.jitterUs`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.stalls`,
                value: reader.uint32()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.lossPpm`,
                value: reader.uint32()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.hasLoss`,
                value: reader.bool()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.lossInPpm`,
                value: reader.uint32()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.hasLossIn`,
                value: reader.bool()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface HealthNeighbourPeerIdFieldEvent {
    field: '$.peerId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HealthNeighbourRttUsFieldEvent {
    field: '$.rttUs'
    value: number
  }

  export interface HealthNeighbourJitterUsFieldEvent {
    field: '$.jitterUs'
    value: number
  }

  export interface HealthNeighbourStallsFieldEvent {
    field: '$.stalls'
    value: number
  }

  export interface HealthNeighbourLossPpmFieldEvent {
    field: '$.lossPpm'
    value: number
  }

  export interface HealthNeighbourHasLossFieldEvent {
    field: '$.hasLoss'
    value: boolean
  }

  export interface HealthNeighbourLossInPpmFieldEvent {
    field: '$.lossInPpm'
    value: number
  }

  export interface HealthNeighbourHasLossInFieldEvent {
    field: '$.hasLossIn'
    value: boolean
  }

  export function encode (obj: Partial<HealthNeighbour>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, HealthNeighbour.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthNeighbour>): HealthNeighbour {
    return decodeMessage(buf, HealthNeighbour.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthNeighbour>): Generator<HealthNeighbourPeerIdFieldEvent | HealthNeighbourRttUsFieldEvent | HealthNeighbourJitterUsFieldEvent | HealthNeighbourStallsFieldEvent | HealthNeighbourLossPpmFieldEvent | HealthNeighbourHasLossFieldEvent | HealthNeighbourLossInPpmFieldEvent | HealthNeighbourHasLossInFieldEvent> {
    return streamMessage(buf, HealthNeighbour.codec(), opts)
  }
}

export interface HealthDigest {
  peerId: Uint8Array<ArrayBuffer>
  network: string
  incarnation: number
  sequence: number
  timeMs: number
  isLeaving: boolean
  lagMs: number
  tunnels: number
  services: HealthService[]
  neighbours: HealthNeighbour[]
}

export namespace HealthDigest {
  let _codec: Codec<HealthDigest>

  export const codec = (): Codec<HealthDigest> => {
    if (_codec == null) {
      _codec = message<HealthDigest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.peerId != null && obj.peerId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.peerId)
        }

        if ((obj.network != null && obj.network !== '')) {
          w.uint32(18)
          w.string(obj.network)
        }

        if ((obj.incarnation != null && obj.incarnation !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.incarnation)
        }

        if ((obj.sequence != null && obj.sequence !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.sequence)
        }

        if ((obj.timeMs != null && obj.timeMs !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.timeMs)
        }

        if ((obj.isLeaving != null && obj.isLeaving !== false)) {
          w.uint32(48)
          w.bool(obj.isLeaving)
        }

        if ((obj.lagMs != null && obj.lagMs !== 0)) {
          w.uint32(56)
          w.uint32(obj.lagMs)
        }

        if ((obj.tunnels != null && obj.tunnels !== 0)) {
          w.uint32(64)
          w.uint32(obj.tunnels)
        }

        if (obj.services != null && obj.services.length > 0) {
          for (const value of obj.services) {
            w.uint32(74)
            HealthService.codec().encode(value, w)
          }
        }

        if (obj.neighbours != null && obj.neighbours.length > 0) {
          for (const value of obj.neighbours) {
            w.uint32(82)
            HealthNeighbour.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peerId: uint8ArrayAlloc(0),
          network: '',
          incarnation: 0,
          sequence: 0,
          timeMs: 0,
          isLeaving: false,
          lagMs: 0,
          tunnels: 0,
          services: [],
          neighbours: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peerId = reader.bytes()
              break
            }
            case 2: {
              obj.network = reader.string()
              break
            }
            case 3: {
              obj.incarnation = reader.uint64Number()
              break
            }
            case 4: {
              obj.sequence = reader.uint64Number()
              break
            }
            case 5: {
              obj.timeMs = reader.uint64Number()
              break
            }
            case 6: {
              obj.isLeaving = reader.bool()
              break
            }
            case 7: {
              obj.lagMs = reader.uint32()
              break
            }
            case 8: {
              obj.tunnels = reader.uint32()
              break
            }
            case 9: {
              if (opts.limits?.services != null && obj.services.length === opts.limits.services) {
                throw new MaxLengthError('Decode error - repeated field "services" had too many elements')
              }

              obj.services.push(HealthService.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.services$
              }))
              break
            }
            case 10: {
              if (opts.limits?.neighbours != null && obj.neighbours.length === opts.limits.neighbours) {
                throw new MaxLengthError('Decode error - repeated field "neighbours" had too many elements')
              }

              obj.neighbours.push(HealthNeighbour.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.neighbours$
              }))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          services: 0,
          neighbours: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.peerId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.network`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.incarnation`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.sequence`,
                value: reader.uint64Number()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.timeMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.isLeaving`,
                value: reader.bool()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.lagMs`,
                value: reader.uint32()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.tunnels`,
                value: reader.uint32()
              }
              break
            }
            case 9: {
              if (opts.limits?.services != null && obj.services === opts.limits.services) {
                throw new MaxLengthError('Streaming decode error - repeated field "services" had too many elements')
              }

              for (const evt of HealthService.codec().stream(reader, reader.uint32(), `${prefix}.services[]`, {
                limits: opts.limits?.services$
              })) {
                yield {
                  ...evt,
                  index: obj.services
                }
              }

              obj.services++

              break
            }
            case 10: {
              if (opts.limits?.neighbours != null && obj.neighbours === opts.limits.neighbours) {
                throw new MaxLengthError('Streaming decode error - repeated field "neighbours" had too many elements')
              }

              for (const evt of HealthNeighbour.codec().stream(reader, reader.uint32(), `${prefix}.neighbours[]`, {
                limits: opts.limits?.neighbours$
              })) {
                yield {
                  ...evt,
                  index: obj.neighbours
                }
              }

              obj.neighbours++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface HealthDigestPeerIdFieldEvent {
    field: '$.peerId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HealthDigestNetworkFieldEvent {
    field: '$.network'
    value: string
  }

  export interface HealthDigestIncarnationFieldEvent {
    field: '$.incarnation'
    value: number
  }

  export interface HealthDigestSequenceFieldEvent {
    field: '$.sequence'
    value: number
  }

  export interface HealthDigestTimeMsFieldEvent {
    field: '$.timeMs'
    value: number
  }

  export interface HealthDigestIsLeavingFieldEvent {
    field: '$.isLeaving'
    value: boolean
  }

  export interface HealthDigestLagMsFieldEvent {
    field: '$.lagMs'
    value: number
  }

  export interface HealthDigestTunnelsFieldEvent {
    field: '$.tunnels'
    value: number
  }

  export interface HealthDigestServicesNameFieldEvent {
    field: '$.services[].name'
    value: string
    index: number
  }

  export interface HealthDigestServicesStateFieldEvent {
    field: '$.services[].state'
    value: number
    index: number
  }

  export interface HealthDigestServicesSinceMsFieldEvent {
    field: '$.services[].sinceMs'
    value: number
    index: number
  }

  export interface HealthDigestServicesReasonFieldEvent {
    field: '$.services[].reason'
    value: string
    index: number
  }

  export interface HealthDigestServicesWeightPermilleFieldEvent {
    field: '$.services[].weightPermille'
    value: number
    index: number
  }

  export interface HealthDigestNeighboursPeerIdFieldEvent {
    field: '$.neighbours[].peerId'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface HealthDigestNeighboursRttUsFieldEvent {
    field: '$.neighbours[].rttUs'
    value: number
    index: number
  }

  export interface HealthDigestNeighboursJitterUsFieldEvent {
    field: '$.neighbours[].jitterUs'
    value: number
    index: number
  }

  export interface HealthDigestNeighboursStallsFieldEvent {
    field: '$.neighbours[].stalls'
    value: number
    index: number
  }

  export interface HealthDigestNeighboursLossPpmFieldEvent {
    field: '$.neighbours[].lossPpm'
    value: number
    index: number
  }

  export interface HealthDigestNeighboursHasLossFieldEvent {
    field: '$.neighbours[].hasLoss'
    value: boolean
    index: number
  }

  export interface HealthDigestNeighboursLossInPpmFieldEvent {
    field: '$.neighbours[].lossInPpm'
    value: number
    index: number
  }

  export interface HealthDigestNeighboursHasLossInFieldEvent {
    field: '$.neighbours[].hasLossIn'
    value: boolean
    index: number
  }

  export function encode (obj: Partial<HealthDigest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, HealthDigest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthDigest>): HealthDigest {
    return decodeMessage(buf, HealthDigest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<HealthDigest>): Generator<HealthDigestPeerIdFieldEvent | HealthDigestNetworkFieldEvent | HealthDigestIncarnationFieldEvent | HealthDigestSequenceFieldEvent | HealthDigestTimeMsFieldEvent | HealthDigestIsLeavingFieldEvent | HealthDigestLagMsFieldEvent | HealthDigestTunnelsFieldEvent | HealthDigestServicesNameFieldEvent | HealthDigestServicesStateFieldEvent | HealthDigestServicesSinceMsFieldEvent | HealthDigestServicesReasonFieldEvent | HealthDigestServicesWeightPermilleFieldEvent | HealthDigestNeighboursPeerIdFieldEvent | HealthDigestNeighboursRttUsFieldEvent | HealthDigestNeighboursJitterUsFieldEvent | HealthDigestNeighboursStallsFieldEvent | HealthDigestNeighboursLossPpmFieldEvent | HealthDigestNeighboursHasLossFieldEvent | HealthDigestNeighboursLossInPpmFieldEvent | HealthDigestNeighboursHasLossInFieldEvent> {
    return streamMessage(buf, HealthDigest.codec(), opts)
  }
}

export interface RelayPeer {
  id: Uint8Array<ArrayBuffer>
  addrs: Uint8Array<ArrayBuffer>[]
}

export namespace RelayPeer {
  let _codec: Codec<RelayPeer>

  export const codec = (): Codec<RelayPeer> => {
    if (_codec == null) {
      _codec = message<RelayPeer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.id)
        }

        if (obj.addrs != null && obj.addrs.length > 0) {
          for (const value of obj.addrs) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: uint8ArrayAlloc(0),
          addrs: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.id = reader.bytes()
              break
            }
            case 2: {
              if (opts.limits?.addrs != null && obj.addrs.length === opts.limits.addrs) {
                throw new MaxLengthError('Decode error - repeated field "addrs" had too many elements')
              }

              obj.addrs.push(reader.bytes())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          addrs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.id`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              if (opts.limits?.addrs != null && obj.addrs === opts.limits.addrs) {
                throw new MaxLengthError('Streaming decode error - repeated field "addrs" had too many elements')
              }

              yield {
                field: `${prefix}.addrs[]`,
                index: obj.addrs,
                value: reader.bytes()
              }

              obj.addrs++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RelayPeerIdFieldEvent {
    field: '$.id'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RelayPeerAddrsFieldEvent {
    field: '$.addrs[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<RelayPeer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, RelayPeer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RelayPeer>): RelayPeer {
    return decodeMessage(buf, RelayPeer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RelayPeer>): Generator<RelayPeerIdFieldEvent | RelayPeerAddrsFieldEvent> {
    return streamMessage(buf, RelayPeer.codec(), opts)
  }
}

export interface RelayReservation {
  expire: number
  addrs: Uint8Array<ArrayBuffer>[]
}

export namespace RelayReservation {
  let _codec: Codec<RelayReservation>

  export const codec = (): Codec<RelayReservation> => {
    if (_codec == null) {
      _codec = message<RelayReservation>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.expire != null && obj.expire !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.expire)
        }

        if (obj.addrs != null && obj.addrs.length > 0) {
          for (const value of obj.addrs) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          expire: 0,
          addrs: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.expire = reader.uint64Number()
              break
            }
            case 2: {
              if (opts.limits?.addrs != null && obj.addrs.length === opts.limits.addrs) {
                throw new MaxLengthError('Decode error - repeated field "addrs" had too many elements')
              }

              obj.addrs.push(reader.bytes())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          addrs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.expire`,
                value: reader.uint64Number()
              }
              break
            }
            case 2: {
              if (opts.limits?.addrs != null && obj.addrs === opts.limits.addrs) {
                throw new MaxLengthError('Streaming decode error - repeated field "addrs" had too many elements')
              }

              yield {
                field: `${prefix}.addrs[]`,
                index: obj.addrs,
                value: reader.bytes()
              }

              obj.addrs++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RelayReservationExpireFieldEvent {
    field: '$.expire'
    value: number
  }

  export interface RelayReservationAddrsFieldEvent {
    field: '$.addrs[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<RelayReservation>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, RelayReservation.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RelayReservation>): RelayReservation {
    return decodeMessage(buf, RelayReservation.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RelayReservation>): Generator<RelayReservationExpireFieldEvent | RelayReservationAddrsFieldEvent> {
    return streamMessage(buf, RelayReservation.codec(), opts)
  }
}

export interface RelayLimit {
  duration: number
  data: number
}

export namespace RelayLimit {
  let _codec: Codec<RelayLimit>

  export const codec = (): Codec<RelayLimit> => {
    if (_codec == null) {
      _codec = message<RelayLimit>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.duration != null && obj.duration !== 0)) {
          w.uint32(8)
          w.uint32(obj.duration)
        }

        if ((obj.data != null && obj.data !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.data)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          duration: 0,
          data: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.duration = reader.uint32()
              break
            }
            case 2: {
              obj.data = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.duration`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.data`,
                value: reader.uint64Number()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RelayLimitDurationFieldEvent {
    field: '$.duration'
    value: number
  }

  export interface RelayLimitDataFieldEvent {
    field: '$.data'
    value: number
  }

  export function encode (obj: Partial<RelayLimit>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, RelayLimit.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RelayLimit>): RelayLimit {
    return decodeMessage(buf, RelayLimit.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RelayLimit>): Generator<RelayLimitDurationFieldEvent | RelayLimitDataFieldEvent> {
    return streamMessage(buf, RelayLimit.codec(), opts)
  }
}

export interface RelayHop {
  type?: number
  peer?: RelayPeer
  reservation?: RelayReservation
  limit?: RelayLimit
  status?: number
}

export namespace RelayHop {
  let _codec: Codec<RelayHop>

  export const codec = (): Codec<RelayHop> => {
    if (_codec == null) {
      _codec = message<RelayHop>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.type != null) {
          w.uint32(8)
          w.uint32(obj.type)
        }

        if (obj.peer != null) {
          w.uint32(18)
          RelayPeer.codec().encode(obj.peer, w)
        }

        if (obj.reservation != null) {
          w.uint32(26)
          RelayReservation.codec().encode(obj.reservation, w)
        }

        if (obj.limit != null) {
          w.uint32(34)
          RelayLimit.codec().encode(obj.limit, w)
        }

        if (obj.status != null) {
          w.uint32(40)
          w.uint32(obj.status)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {}

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.type = reader.uint32()
              break
            }
            case 2: {
              obj.peer = RelayPeer.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.peer
              })
              break
            }
            case 3: {
              obj.reservation = RelayReservation.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.reservation
              })
              break
            }
            case 4: {
              obj.limit = RelayLimit.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.limit
              })
              break
            }
            case 5: {
              obj.status = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.type`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield * RelayPeer.codec().stream(reader, reader.uint32(), `${prefix}.peer`, {
                limits: opts.limits?.peer
              })

              break
            }
            case 3: {
              yield * RelayReservation.codec().stream(reader, reader.uint32(), `${prefix}.reservation`, {
                limits: opts.limits?.reservation
              })

              break
            }
            case 4: {
              yield * RelayLimit.codec().stream(reader, reader.uint32(), `${prefix}.limit`, {
                limits: opts.limits?.limit
              })

              break
            }
            case 5: {
              yield {
                field: `${prefix}.status`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RelayHopTypeFieldEvent {
    field: '$.type'
    value: number
  }

  export interface RelayHopPeerIdFieldEvent {
    field: '$.peer.id'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RelayHopPeerAddrsFieldEvent {
    field: '$.peer.addrs[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface RelayHopReservationExpireFieldEvent {
    field: '$.reservation.expire'
    value: number
  }

  export interface RelayHopReservationAddrsFieldEvent {
    field: '$.reservation.addrs[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface RelayHopLimitDurationFieldEvent {
    field: '$.limit.duration'
    value: number
  }

  export interface RelayHopLimitDataFieldEvent {
    field: '$.limit.data'
    value: number
  }

  export interface RelayHopStatusFieldEvent {
    field: '$.status'
    value: number
  }

  export function encode (obj: Partial<RelayHop>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, RelayHop.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RelayHop>): RelayHop {
    return decodeMessage(buf, RelayHop.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RelayHop>): Generator<RelayHopTypeFieldEvent | RelayHopPeerIdFieldEvent | RelayHopPeerAddrsFieldEvent | RelayHopReservationExpireFieldEvent | RelayHopReservationAddrsFieldEvent | RelayHopLimitDurationFieldEvent | RelayHopLimitDataFieldEvent | RelayHopStatusFieldEvent> {
    return streamMessage(buf, RelayHop.codec(), opts)
  }
}

export interface RelayStop {
  type?: number
  peer?: RelayPeer
  limit?: RelayLimit
  status?: number
}

export namespace RelayStop {
  let _codec: Codec<RelayStop>

  export const codec = (): Codec<RelayStop> => {
    if (_codec == null) {
      _codec = message<RelayStop>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.type != null) {
          w.uint32(8)
          w.uint32(obj.type)
        }

        if (obj.peer != null) {
          w.uint32(18)
          RelayPeer.codec().encode(obj.peer, w)
        }

        if (obj.limit != null) {
          w.uint32(26)
          RelayLimit.codec().encode(obj.limit, w)
        }

        if (obj.status != null) {
          w.uint32(32)
          w.uint32(obj.status)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {}

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.type = reader.uint32()
              break
            }
            case 2: {
              obj.peer = RelayPeer.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.peer
              })
              break
            }
            case 3: {
              obj.limit = RelayLimit.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.limit
              })
              break
            }
            case 4: {
              obj.status = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.type`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield * RelayPeer.codec().stream(reader, reader.uint32(), `${prefix}.peer`, {
                limits: opts.limits?.peer
              })

              break
            }
            case 3: {
              yield * RelayLimit.codec().stream(reader, reader.uint32(), `${prefix}.limit`, {
                limits: opts.limits?.limit
              })

              break
            }
            case 4: {
              yield {
                field: `${prefix}.status`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RelayStopTypeFieldEvent {
    field: '$.type'
    value: number
  }

  export interface RelayStopPeerIdFieldEvent {
    field: '$.peer.id'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RelayStopPeerAddrsFieldEvent {
    field: '$.peer.addrs[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface RelayStopLimitDurationFieldEvent {
    field: '$.limit.duration'
    value: number
  }

  export interface RelayStopLimitDataFieldEvent {
    field: '$.limit.data'
    value: number
  }

  export interface RelayStopStatusFieldEvent {
    field: '$.status'
    value: number
  }

  export function encode (obj: Partial<RelayStop>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, RelayStop.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RelayStop>): RelayStop {
    return decodeMessage(buf, RelayStop.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RelayStop>): Generator<RelayStopTypeFieldEvent | RelayStopPeerIdFieldEvent | RelayStopPeerAddrsFieldEvent | RelayStopLimitDurationFieldEvent | RelayStopLimitDataFieldEvent | RelayStopStatusFieldEvent> {
    return streamMessage(buf, RelayStop.codec(), opts)
  }
}

export interface PunchRequest {
  host: string
  port: number
  mapping: number
  token: Uint8Array<ArrayBuffer>
}

export namespace PunchRequest {
  let _codec: Codec<PunchRequest>

  export const codec = (): Codec<PunchRequest> => {
    if (_codec == null) {
      _codec = message<PunchRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.host != null && obj.host !== '')) {
          w.uint32(10)
          w.string(obj.host)
        }

        if ((obj.port != null && obj.port !== 0)) {
          w.uint32(16)
          w.uint32(obj.port)
        }

        if ((obj.mapping != null && obj.mapping !== 0)) {
          w.uint32(24)
          w.uint32(obj.mapping)
        }

        if ((obj.token != null && obj.token.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.token)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          host: '',
          port: 0,
          mapping: 0,
          token: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.host = reader.string()
              break
            }
            case 2: {
              obj.port = reader.uint32()
              break
            }
            case 3: {
              obj.mapping = reader.uint32()
              break
            }
            case 4: {
              obj.token = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.host`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.port`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.mapping`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.token`,
                value: reader.bytes()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface PunchRequestHostFieldEvent {
    field: '$.host'
    value: string
  }

  export interface PunchRequestPortFieldEvent {
    field: '$.port'
    value: number
  }

  export interface PunchRequestMappingFieldEvent {
    field: '$.mapping'
    value: number
  }

  export interface PunchRequestTokenFieldEvent {
    field: '$.token'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<PunchRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, PunchRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PunchRequest>): PunchRequest {
    return decodeMessage(buf, PunchRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PunchRequest>): Generator<PunchRequestHostFieldEvent | PunchRequestPortFieldEvent | PunchRequestMappingFieldEvent | PunchRequestTokenFieldEvent> {
    return streamMessage(buf, PunchRequest.codec(), opts)
  }
}

export interface PunchAnswer {
  code: number
  reason: string
  isCrossing: boolean
  host: string
  port: number
  mapping: number
  token: Uint8Array<ArrayBuffer>
  tookMs: number
}

export namespace PunchAnswer {
  let _codec: Codec<PunchAnswer>

  export const codec = (): Codec<PunchAnswer> => {
    if (_codec == null) {
      _codec = message<PunchAnswer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== 0)) {
          w.uint32(8)
          w.uint32(obj.code)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(18)
          w.string(obj.reason)
        }

        if ((obj.isCrossing != null && obj.isCrossing !== false)) {
          w.uint32(24)
          w.bool(obj.isCrossing)
        }

        if ((obj.host != null && obj.host !== '')) {
          w.uint32(34)
          w.string(obj.host)
        }

        if ((obj.port != null && obj.port !== 0)) {
          w.uint32(40)
          w.uint32(obj.port)
        }

        if ((obj.mapping != null && obj.mapping !== 0)) {
          w.uint32(48)
          w.uint32(obj.mapping)
        }

        if ((obj.token != null && obj.token.byteLength > 0)) {
          w.uint32(58)
          w.bytes(obj.token)
        }

        if ((obj.tookMs != null && obj.tookMs !== 0)) {
          w.uint32(64)
          w.uint32(obj.tookMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: 0,
          reason: '',
          isCrossing: false,
          host: '',
          port: 0,
          mapping: 0,
          token: uint8ArrayAlloc(0),
          tookMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.uint32()
              break
            }
            case 2: {
              obj.reason = reader.string()
              break
            }
            case 3: {
              obj.isCrossing = reader.bool()
              break
            }
            case 4: {
              obj.host = reader.string()
              break
            }
            case 5: {
              obj.port = reader.uint32()
              break
            }
            case 6: {
              obj.mapping = reader.uint32()
              break
            }
            case 7: {
              obj.token = reader.bytes()
              break
            }
            case 8: {
              obj.tookMs = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.code`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.reason`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.isCrossing`,
                value: reader.bool()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.host`,
                value: reader.string()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.port`,
                value: reader.uint32()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.mapping`,
                value: reader.uint32()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.token`,
                value: reader.bytes()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.tookMs`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface PunchAnswerCodeFieldEvent {
    field: '$.code'
    value: number
  }

  export interface PunchAnswerReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface PunchAnswerIsCrossingFieldEvent {
    field: '$.isCrossing'
    value: boolean
  }

  export interface PunchAnswerHostFieldEvent {
    field: '$.host'
    value: string
  }

  export interface PunchAnswerPortFieldEvent {
    field: '$.port'
    value: number
  }

  export interface PunchAnswerMappingFieldEvent {
    field: '$.mapping'
    value: number
  }

  export interface PunchAnswerTokenFieldEvent {
    field: '$.token'
    value: Uint8Array<ArrayBuffer>
  }

  export interface PunchAnswerTookMsFieldEvent {
    field: '$.tookMs'
    value: number
  }

  export function encode (obj: Partial<PunchAnswer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, PunchAnswer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PunchAnswer>): PunchAnswer {
    return decodeMessage(buf, PunchAnswer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PunchAnswer>): Generator<PunchAnswerCodeFieldEvent | PunchAnswerReasonFieldEvent | PunchAnswerIsCrossingFieldEvent | PunchAnswerHostFieldEvent | PunchAnswerPortFieldEvent | PunchAnswerMappingFieldEvent | PunchAnswerTokenFieldEvent | PunchAnswerTookMsFieldEvent> {
    return streamMessage(buf, PunchAnswer.codec(), opts)
  }
}

export interface PunchStart {
  rttMs: number
}

export namespace PunchStart {
  let _codec: Codec<PunchStart>

  export const codec = (): Codec<PunchStart> => {
    if (_codec == null) {
      _codec = message<PunchStart>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.rttMs != null && obj.rttMs !== 0)) {
          w.uint32(8)
          w.uint32(obj.rttMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          rttMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.rttMs = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.rttMs`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface PunchStartRttMsFieldEvent {
    field: '$.rttMs'
    value: number
  }

  export function encode (obj: Partial<PunchStart>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, PunchStart.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PunchStart>): PunchStart {
    return decodeMessage(buf, PunchStart.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PunchStart>): Generator<PunchStartRttMsFieldEvent> {
    return streamMessage(buf, PunchStart.codec(), opts)
  }
}

export interface ObservedAddress {
  host: string
  port: number
}

export namespace ObservedAddress {
  let _codec: Codec<ObservedAddress>

  export const codec = (): Codec<ObservedAddress> => {
    if (_codec == null) {
      _codec = message<ObservedAddress>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.host != null && obj.host !== '')) {
          w.uint32(10)
          w.string(obj.host)
        }

        if ((obj.port != null && obj.port !== 0)) {
          w.uint32(16)
          w.uint32(obj.port)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          host: '',
          port: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.host = reader.string()
              break
            }
            case 2: {
              obj.port = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.host`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.port`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface ObservedAddressHostFieldEvent {
    field: '$.host'
    value: string
  }

  export interface ObservedAddressPortFieldEvent {
    field: '$.port'
    value: number
  }

  export function encode (obj: Partial<ObservedAddress>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, ObservedAddress.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ObservedAddress>): ObservedAddress {
    return decodeMessage(buf, ObservedAddress.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ObservedAddress>): Generator<ObservedAddressHostFieldEvent | ObservedAddressPortFieldEvent> {
    return streamMessage(buf, ObservedAddress.codec(), opts)
  }
}

export interface EchoOpen {
  session: Uint8Array<ArrayBuffer>
  key: Uint8Array<ArrayBuffer>
  ports: number[]
  probe?: EchoProbe
  sinkBytes: number
}

export namespace EchoOpen {
  let _codec: Codec<EchoOpen>

  export const codec = (): Codec<EchoOpen> => {
    if (_codec == null) {
      _codec = message<EchoOpen>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.session != null && obj.session.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.session)
        }

        if ((obj.key != null && obj.key.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.key)
        }

        if (obj.ports != null && obj.ports.length > 0) {
          for (const value of obj.ports) {
            w.uint32(24)
            w.uint32(value)
          }
        }

        if (obj.probe != null) {
          w.uint32(34)
          EchoProbe.codec().encode(obj.probe, w)
        }

        if ((obj.sinkBytes != null && obj.sinkBytes !== 0)) {
          w.uint32(40)
          w.uint32(obj.sinkBytes)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          session: uint8ArrayAlloc(0),
          key: uint8ArrayAlloc(0),
          ports: [],
          sinkBytes: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.session = reader.bytes()
              break
            }
            case 2: {
              obj.key = reader.bytes()
              break
            }
            case 3: {
              if (opts.limits?.ports != null && obj.ports.length === opts.limits.ports) {
                throw new MaxLengthError('Decode error - repeated field "ports" had too many elements')
              }

              obj.ports.push(reader.uint32())
              break
            }
            case 4: {
              obj.probe = EchoProbe.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.probe
              })
              break
            }
            case 5: {
              obj.sinkBytes = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          ports: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.session`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.key`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              if (opts.limits?.ports != null && obj.ports === opts.limits.ports) {
                throw new MaxLengthError('Streaming decode error - repeated field "ports" had too many elements')
              }

              yield {
                field: `${prefix}.ports[]`,
                index: obj.ports,
                value: reader.uint32()
              }

              obj.ports++

              break
            }
            case 4: {
              yield * EchoProbe.codec().stream(reader, reader.uint32(), `${prefix}.probe`, {
                limits: opts.limits?.probe
              })

              break
            }
            case 5: {
              yield {
                field: `${prefix}.sinkBytes`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface EchoOpenSessionFieldEvent {
    field: '$.session'
    value: Uint8Array<ArrayBuffer>
  }

  export interface EchoOpenKeyFieldEvent {
    field: '$.key'
    value: Uint8Array<ArrayBuffer>
  }

  export interface EchoOpenPortsFieldEvent {
    field: '$.ports[]'
    index: number
    value: number
  }

  export interface EchoOpenProbeRequestFieldEvent {
    field: '$.probe.request'
    value: Uint8Array<ArrayBuffer>
  }

  export interface EchoOpenProbeHostFieldEvent {
    field: '$.probe.host'
    value: string
  }

  export interface EchoOpenProbePortFieldEvent {
    field: '$.probe.port'
    value: number
  }

  export interface EchoOpenProbeIsFromOtherPortFieldEvent {
    field: '$.probe.isFromOtherPort'
    value: boolean
  }

  export interface EchoOpenSinkBytesFieldEvent {
    field: '$.sinkBytes'
    value: number
  }

  export function encode (obj: Partial<EchoOpen>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, EchoOpen.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EchoOpen>): EchoOpen {
    return decodeMessage(buf, EchoOpen.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EchoOpen>): Generator<EchoOpenSessionFieldEvent | EchoOpenKeyFieldEvent | EchoOpenPortsFieldEvent | EchoOpenProbeRequestFieldEvent | EchoOpenProbeHostFieldEvent | EchoOpenProbePortFieldEvent | EchoOpenProbeIsFromOtherPortFieldEvent | EchoOpenSinkBytesFieldEvent> {
    return streamMessage(buf, EchoOpen.codec(), opts)
  }
}

export interface EchoProbe {
  request: Uint8Array<ArrayBuffer>
  host: string
  port: number
  isFromOtherPort: boolean
}

export namespace EchoProbe {
  let _codec: Codec<EchoProbe>

  export const codec = (): Codec<EchoProbe> => {
    if (_codec == null) {
      _codec = message<EchoProbe>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.request != null && obj.request.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.request)
        }

        if ((obj.host != null && obj.host !== '')) {
          w.uint32(18)
          w.string(obj.host)
        }

        if ((obj.port != null && obj.port !== 0)) {
          w.uint32(24)
          w.uint32(obj.port)
        }

        if ((obj.isFromOtherPort != null && obj.isFromOtherPort !== false)) {
          w.uint32(32)
          w.bool(obj.isFromOtherPort)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          request: uint8ArrayAlloc(0),
          host: '',
          port: 0,
          isFromOtherPort: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.request = reader.bytes()
              break
            }
            case 2: {
              obj.host = reader.string()
              break
            }
            case 3: {
              obj.port = reader.uint32()
              break
            }
            case 4: {
              obj.isFromOtherPort = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.request`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.host`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.port`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.isFromOtherPort`,
                value: reader.bool()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface EchoProbeRequestFieldEvent {
    field: '$.request'
    value: Uint8Array<ArrayBuffer>
  }

  export interface EchoProbeHostFieldEvent {
    field: '$.host'
    value: string
  }

  export interface EchoProbePortFieldEvent {
    field: '$.port'
    value: number
  }

  export interface EchoProbeIsFromOtherPortFieldEvent {
    field: '$.isFromOtherPort'
    value: boolean
  }

  export function encode (obj: Partial<EchoProbe>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, EchoProbe.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EchoProbe>): EchoProbe {
    return decodeMessage(buf, EchoProbe.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EchoProbe>): Generator<EchoProbeRequestFieldEvent | EchoProbeHostFieldEvent | EchoProbePortFieldEvent | EchoProbeIsFromOtherPortFieldEvent> {
    return streamMessage(buf, EchoProbe.codec(), opts)
  }
}

export interface EchoAccept {
  code: number
  ports: number[]
}

export namespace EchoAccept {
  let _codec: Codec<EchoAccept>

  export const codec = (): Codec<EchoAccept> => {
    if (_codec == null) {
      _codec = message<EchoAccept>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== 0)) {
          w.uint32(8)
          w.uint32(obj.code)
        }

        if (obj.ports != null && obj.ports.length > 0) {
          for (const value of obj.ports) {
            w.uint32(16)
            w.uint32(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: 0,
          ports: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.uint32()
              break
            }
            case 2: {
              if (opts.limits?.ports != null && obj.ports.length === opts.limits.ports) {
                throw new MaxLengthError('Decode error - repeated field "ports" had too many elements')
              }

              obj.ports.push(reader.uint32())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          ports: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.code`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              if (opts.limits?.ports != null && obj.ports === opts.limits.ports) {
                throw new MaxLengthError('Streaming decode error - repeated field "ports" had too many elements')
              }

              yield {
                field: `${prefix}.ports[]`,
                index: obj.ports,
                value: reader.uint32()
              }

              obj.ports++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface EchoAcceptCodeFieldEvent {
    field: '$.code'
    value: number
  }

  export interface EchoAcceptPortsFieldEvent {
    field: '$.ports[]'
    index: number
    value: number
  }

  export function encode (obj: Partial<EchoAccept>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, EchoAccept.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EchoAccept>): EchoAccept {
    return decodeMessage(buf, EchoAccept.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EchoAccept>): Generator<EchoAcceptCodeFieldEvent | EchoAcceptPortsFieldEvent> {
    return streamMessage(buf, EchoAccept.codec(), opts)
  }
}
