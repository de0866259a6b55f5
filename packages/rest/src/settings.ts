/** The date of the API's present shape; every answer names it in `Guanxi-Version`. Additive changes leave it. */
export const apiVersion = "2026-11-22";

export interface RestSettings {
  /** Bytes of a request body that are read before it is refused. */
  readonly bodyLimitBytes: number;
  /** Levels of objects and arrays in a body; everything that walks a value recursively may rely on it. */
  readonly nestingLimit: number;
  /** Seconds after which a 503 or 429 that does not say otherwise asks to be tried again. */
  readonly retryAfterSeconds: number;
  /** OpenAPI documents, and likewise declarations of types, kept per metadata version: one per different set of rights and language. */
  readonly openapiCacheSize: number;
  /** Whether there is a demo tenant, of whose keys the reference page tells. */
  readonly demo: boolean;
}

export const defaultRestSettings: RestSettings = {
  bodyLimitBytes: 10_000_000,
  nestingLimit: 100,
  retryAfterSeconds: 5,
  openapiCacheSize: 64,
  demo: false,
};
