/**
 * What the bridge uses that Hermes may lack: random numbers and whole URLs. Import it first, in index.js. Expo brings
 * TextDecoder; bare React Native needs one too, such as `fast-text-encoding`.
 */
import * as Crypto from "expo-crypto"
import "react-native-url-polyfill/auto"

if (Reflect.get(globalThis, "crypto") === undefined) {
  const { getRandomValues, randomUUID } = Crypto
  Object.assign(globalThis, { crypto: { getRandomValues, randomUUID } })
}
