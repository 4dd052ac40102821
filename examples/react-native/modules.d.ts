/**
 * The parts of a phone's packages that the screens use, written after the packages' own declarations (react-native 0.8x,
 * react-native-ble-plx 3, expo-crypto; expo-sqlite 57, expo-file-system 58, op-sqlite 18), so that the screens can be
 * type-checked where none of them is installed. Delete this file in an application: the packages bring their own.
 */
declare module "expo-crypto" {
  export const getRandomValues: Crypto["getRandomValues"]
  export const randomUUID: () => string
}

declare module "react-native-url-polyfill/auto"

declare module "expo-file-system" {
  export const File: import("@paceline/device-bridge/drivers/expo-sqlite").ExpoFileSystemModule["File"]
  export const Paths: import("@paceline/device-bridge/drivers/expo-sqlite").ExpoFileSystemModule["Paths"]
}

declare module "expo-sqlite" {
  export const openDatabaseSync: import("@paceline/device-bridge/drivers/expo-sqlite").ExpoSqliteModule["openDatabaseSync"]
}

declare module "@op-engineering/op-sqlite" {
  export const open: import("@paceline/device-bridge/drivers/op-sqlite").OpSqliteModule["open"]
}

declare module "react-native-ble-plx" {
  export interface Subscription {
    remove(): void
  }
  export interface Characteristic {
    readonly uuid: string
    readonly isNotifiable: boolean
    readonly isIndicatable: boolean
    /** Base64. */
    readonly value: string | null
    monitor(listener: (error: Error | null, characteristic: Characteristic | null) => void): Subscription
  }
  export interface Service {
    characteristics(): Promise<Array<Characteristic>>
  }
  export interface Device {
    readonly id: string
    connect(): Promise<Device>
    cancelConnection(): Promise<Device>
    discoverAllServicesAndCharacteristics(): Promise<Device>
    services(): Promise<Array<Service>>
    onDisconnected(listener: () => void): Subscription
  }
  export class BleManager {
    startDeviceScan(
      uuids: Array<string> | null,
      options: null,
      listener: (error: Error | null, device: Device | null) => void,
    ): Promise<void>
    stopDeviceScan(): Promise<void>
  }
}

declare module "react" {
  export function useState<S>(initial: S): [S, (next: S) => void]
  export function useRef<T>(initial: T): { current: T }
  export function useEffect(effect: () => (() => void) | undefined, dependencies: ReadonlyArray<unknown>): void
}

declare module "react/jsx-runtime" {
  export namespace JSX {
    interface Element {
      readonly type: unknown
    }
    interface ElementChildrenAttribute {
      children: unknown
    }
    interface IntrinsicAttributes {
      readonly key?: string
    }
  }
  export const jsx: unknown
  export const jsxs: unknown
}

declare module "react-native" {
  type Element = import("react/jsx-runtime").JSX.Element
  type Child = Element | string | false | null | undefined | ReadonlyArray<Element> | ReadonlyArray<Child>
  type Style = Readonly<Record<string, string | number>>
  export const View: (props: { style?: Style; children?: Child }) => Element
  export const Text: (props: { style?: Style; children?: Child }) => Element
  export const ScrollView: (props: { contentContainerStyle?: Style; children?: Child }) => Element
  export const Pressable: (props: { style?: Style; onPress: () => void; children?: Child }) => Element
  export const StyleSheet: { create<S extends Readonly<Record<string, Style>>>(styles: S): S }
  export const Share: { share(content: { message: string }): Promise<unknown> }
  export const Platform: { readonly OS: string; readonly Version: string | number }
  export const AppState: {
    addEventListener(type: "change", listener: (state: string) => void): { remove(): void }
  }
}
