import "$shared/look/index.css";

import { mount } from "svelte";

import { whenSignedOut } from "$shared/api/client";
import { router } from "$shared/route/router.svelte";
import { preferredLanguage, speak } from "$shared/words/say.svelte";

import { account } from "./account.svelte";
import App from "./App.svelte";
import { install } from "./installing.svelte";
import { routes } from "./routes";
import { loaders } from "./words";

whenSignedOut(() => account.lost());
await speak(loaders, preferredLanguage());
void account.recognise();
router.start(routes, import.meta.env.BASE_URL);
install();

const target = document.getElementById("app");
if (!target) throw new Error("index.html holds no #app");

export default mount(App, { target });
