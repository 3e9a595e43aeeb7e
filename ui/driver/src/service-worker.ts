/**
 * Keeps the app's shell on the phone, so that it opens in a garage without a network. The API is never kept: a plug
 * that was free an hour ago is not shown as free. Push messages become notices.
 */
/// <reference lib="webworker" />
import { shell, version } from "virtual:shell";

declare const self: ServiceWorkerGlobalScope;

const SHELL = `shell-${version}`;
const GROUND = "ground"; // the map's own files: named by their content, kept as they come
const PATIENCE = 3000; // milliseconds a page may take before the kept one is shown

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((kept) => kept.addAll(shell)).then(() => self.skipWaiting())); // prettier-ignore
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOldShells().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin || pathname.startsWith("/api/")) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (pathname.includes("/assets/ground-")) event.respondWith(keptOrFetched(GROUND, request));
  else event.respondWith(keptOrFetched(SHELL, request));
});

interface Notice {
  title: string;
  body: string;
  /** Page of the app to open. */
  path?: string;
  /** The same news twice is shown once. */
  tag?: string;
}

self.addEventListener("push", (event) => {
  const notice = event.data?.json() as Notice | undefined;
  if (!notice) return;
  const { title, body, path, tag } = notice;
  const icon = new URL("icon-192.png", self.registration.scope).href;
  event.waitUntil(self.registration.showNotification(title, { body, icon, data: path, tag: tag ?? "" }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const path = typeof event.notification.data === "string" ? event.notification.data : "";
  event.waitUntil(show(new URL(path.replace(/^\//, ""), self.registration.scope)));
});

// The browser gives a device another address now and then: it is told of there from now on.
self.addEventListener("pushsubscriptionchange", (event) => {
  const { oldSubscription, newSubscription } = event as Event & PushSubscriptionChange;
  (event as ExtendableEvent).waitUntil(subscribeAgain(oldSubscription, newSubscription));
});

interface PushSubscriptionChange {
  oldSubscription: PushSubscription | null;
  newSubscription: PushSubscription | null;
}

async function subscribeAgain(old: PushSubscription | null, made: PushSubscription | null): Promise<void> {
  const fresh = made ?? (old && (await self.registration.pushManager.subscribe(old.options)));
  if (!fresh) return;
  const headers = { "Content-Type": "application/json" };
  await fetch("/api/v1/me/push", { method: "POST", headers, body: JSON.stringify(fresh) });
}

/** The page of a notice, in the window that is open already, if there is one. */
async function show(address: URL): Promise<void> {
  const [open] = await self.clients.matchAll({ type: "window" });
  if (!open) return void (await self.clients.openWindow(address));
  await (await open.focus()).navigate(address);
}

async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    const kept = await caches.match(self.registration.scope, { ignoreVary: true });
    return kept ?? Response.error();
  }
}

async function keptOrFetched(name: string, request: Request): Promise<Response> {
  // Some servers vary by origin, which scripts send and the installing worker does not; the bytes are the same.
  const kept = await caches.match(request, { ignoreVary: true });
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await (await caches.open(name)).put(request, answer.clone());
  return answer;
}

async function forgetOldShells(): Promise<void> {
  for (const name of await caches.keys())
    if (name.startsWith("shell-") && name !== SHELL) await caches.delete(name);
}
