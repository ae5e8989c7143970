// Sends a file with tus-js-client, to be killed and run again.
//
// node send.mjs ADDRESS FILE STORAGE OPTIONS [NAME=VALUE]...    OPTIONS in JSON; the last ones are headers
import { createReadStream } from "node:fs";
import { DetailedError, FileUrlStorage, Upload } from "tus-js-client";

const [endpoint, path, storage, options, ...pairs] = process.argv.slice(2);
const headers = Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s)));

const upload = new Upload(createReadStream(path), {
  endpoint,
  headers,
  metadata: { filename: "sent.bin" },
  retryDelays: [0, 100, 200, 400, 800],
  urlStorage: new FileUrlStorage(storage),
  ...JSON.parse(options),
  onError(error) {
    console.error(error instanceof DetailedError ? error.message : error);
    process.exit(1);
  },
  onSuccess() {
    console.log(upload.url);
  },
});

const [previous] = await upload.findPreviousUploads();
if (previous) upload.resumeFromPreviousUpload(previous);
upload.start();
