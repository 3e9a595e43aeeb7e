/** Passkeys in the browser. Where it cannot (before 2025), nothing is offered. */
import { api } from "../api/client";

export function canPasskeys(): boolean {
  return (
    "PublicKeyCredential" in globalThis &&
    "parseCreationOptionsFromJSON" in PublicKeyCredential &&
    isSecureContext
  );
}

/** Whether the person turned away, which is no failure. */
export function turnedAway(error: unknown): boolean {
  return error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "AbortError");
}

export async function addPasskey(name: string): Promise<void> {
  const options = await api.post<PublicKeyCredentialCreationOptionsJSON>("/me/passkeys/options");
  const made = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
  });
  await api.post("/me/passkeys", { name, credential: (made as PublicKeyCredential).toJSON() });
}

/** The answer of one of the person's passkeys, which proves that it is them. */
export async function askPasskey(): Promise<PublicKeyCredentialJSON> {
  const options = await api.post<PublicKeyCredentialRequestOptionsJSON>("/sign-in/passkey/options");
  const answer = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
  });
  return (answer as PublicKeyCredential).toJSON();
}

export async function signInWithPasskey(): Promise<void> {
  await api.post("/sign-in/passkey", { credential: await askPasskey() });
}
