import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;

/** GETs a URL twice by HttpURLConnection, which authenticates by itself, and prints what came. */
public class Web {
    public static void main(String[] arguments) throws Exception {
        for (int i = 0; i < 2; i++) {
            var url = URI.create(arguments[0]).toURL();
            var connection = (HttpURLConnection) url.openConnection();
            connection.setRequestProperty("Accept", "text/plain");
            int status;
            try {
                status = connection.getResponseCode();
            } catch (java.io.IOException refused) {
                // "Authentication failure": its token was answered with a reject.
                System.out.println("refused: " + refused.getMessage());
                continue;
            }
            InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream();
            var text = body == null ? "" : new String(body.readAllBytes(), "UTF-8");
            System.out.print(status + " ");
            text.lines().filter(line -> line.startsWith("You are") || line.startsWith("bound"))
                .forEach(line -> System.out.print(line + " "));
            System.out.println();
        }
    }
}
