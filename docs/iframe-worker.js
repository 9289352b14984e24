// Opened from the disk, a browser refuses workers, which the search is: an unseen frame takes the worker's place.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.documentElement.appendChild(frame);
      this.frame = frame.contentWindow;
      const waiting = [];
      this.send = (data) => waiting.push(data);
      window.addEventListener("message", (event) => {
        if (event.source !== this.frame) return;
        const heard = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(heard);
        if (this.onmessage) this.onmessage(heard);
      });
      const load = (source) =>
        new Promise((done) => {
          const script = this.frame.document.createElement("script");
          script.src = source;
          script.onload = script.onerror = done;
          this.frame.document.documentElement.appendChild(script);
        });
      const own = window;
      this.frame.postMessage = (data) => own.dispatchEvent(new MessageEvent("message", { data, source: this.frame }));
      this.frame.importScripts = (...sources) =>
        sources.reduce((before, source) => before.then(() => load(source)), Promise.resolve());
      load(url).then(() => {
        this.send = (data) => this.frame.dispatchEvent(new MessageEvent("message", { data }));
        waiting.forEach(this.send);
      });
    }
    postMessage(data) {
      this.send(data);
    }
    terminate() {}
  };
}
