/** News on this device though the app is closed: the browser's own push, turned on and off. */
import { api } from "$shared/api/client";

/** `never`: this browser cannot; `blocked`: the person has said no to the browser. */
type State = "never" | "blocked" | "off" | "on";

class Push {
  state = $state<State>("never");

  /** How it stands here. A device that was turned on says so again, since somebody else may have signed in since. */
  async look(): Promise<void> {
    if (!("serviceWorker" in navigator) || !("PushManager" in window)) return;
    const known = await this.#known();
    if (known) await api.post("/me/push", known.toJSON());
    this.state = known ? "on" : Notification.permission === "denied" ? "blocked" : "off";
  }

  async turnOn(): Promise<void> {
    if ((await Notification.requestPermission()) !== "granted") {
      this.state = "blocked";
      return;
    }
    const { key } = await api.get<{ key: string }>("/me/push");
    const worker = await navigator.serviceWorker.ready;
    const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    await api.post("/me/push", made.toJSON());
    this.state = "on";
  }

  async turnOff(): Promise<void> {
    const known = await this.#known();
    if (known) {
      await api.post("/me/push/forget", { endpoint: known.endpoint });
      await known.unsubscribe();
    }
    this.state = "off";
  }

  async #known(): Promise<PushSubscription | null> {
    const worker = await navigator.serviceWorker.getRegistration();
    return (await worker?.pushManager.getSubscription()) ?? null;
  }
}

export const push = new Push();
